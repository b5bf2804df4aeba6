package io.vquant.engine.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The options name methods in text: they must be there. */
class JvmOptionsTest {
  private static final String PREFIX = "-XX:CompileCommand=dontinline,";

  @Test
  void everyHotLoopExists() throws ClassNotFoundException {
    List<String> hotLoops =
        JvmOptions.beside(List.of()).stream().filter(option -> option.startsWith(PREFIX)).toList();
    assertThat(hotLoops).isNotEmpty();
    for (String option : hotLoops) {
      String[] names = option.substring(PREFIX.length()).split("::", 2);
      Class<?> type = Class.forName(names[0], false, getClass().getClassLoader());
      assertThat(Arrays.stream(type.getDeclaredMethods()).map(method -> method.getName()))
          .as(option)
          .contains(names[1]);
    }
  }

  @Test
  void aCollectorOfTheUsersIsKept() {
    assertThat(JvmOptions.beside(List.of("-XX:+UseZGC"))).doesNotContain("-XX:+UseSerialGC");
    assertThat(JvmOptions.beside(List.of())).contains("-XX:+UseSerialGC");
  }
}
