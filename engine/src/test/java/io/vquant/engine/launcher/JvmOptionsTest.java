package io.vquant.engine.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The options name methods in text: they must be there. */
class JvmOptionsTest {
  /** Whatever a command to the compiler does, it names a method: {@code class::method}. */
  private static final Pattern METHOD =
      Pattern.compile("-XX:CompileCommand=\\w+,([\\w.$]+)::(\\w+)(,.*)?");

  private static Set<String> methods(String command) {
    Set<String> methods = new TreeSet<>();
    for (String option : JvmOptions.beside(List.of())) {
      Matcher matcher = METHOD.matcher(option);
      if (option.contains("=" + command + ",") && matcher.matches()) {
        methods.add(matcher.group(1) + "::" + matcher.group(2));
      }
    }
    return methods;
  }

  @Test
  void everyCommandToTheCompilerNamesAMethod() {
    assertThat(JvmOptions.beside(List.of()))
        .filteredOn(
            option -> option.startsWith("-XX:CompileCommand=") && !option.endsWith("=quiet"))
        .isNotEmpty()
        .allMatch(option -> METHOD.matcher(option).matches());
  }

  @Test
  void everyMethodExists() throws ClassNotFoundException {
    Set<String> early = methods("CompileThresholdScaling");
    assertThat(early).hasSizeGreaterThan(methods("dontinline").size());
    assertThat(early).containsAll(methods("dontinline"));
    early.addAll(methods("inline"));
    for (String method : early) {
      String[] names = method.split("::", 2);
      Class<?> type = Class.forName(names[0], false, getClass().getClassLoader());
      assertThat(Arrays.stream(type.getDeclaredMethods()).map(Method::getName))
          .as(method)
          .contains(names[1]);
    }
  }

  @Test
  void whateverTakesOrReturnsAVectorIsInlined() {
    Set<String> passing = new TreeSet<>();
    for (JavaClass type : new ClassFileImporter().importPackages("io.vquant.kernels.cpu")) {
      for (JavaMethod method : type.getMethods()) {
        boolean returns = isVector(method.getRawReturnType());
        if (returns || method.getRawParameterTypes().stream().anyMatch(JvmOptionsTest::isVector)) {
          passing.add(type.getName() + "::" + method.getName());
        }
      }
    }
    assertThat(methods("inline")).isEqualTo(passing);
  }

  /** Masks and shuffles are constants here: objects that stay. */
  private static boolean isVector(JavaClass type) {
    return type.getPackageName().equals("jdk.incubator.vector")
        && type.getSimpleName().endsWith("Vector");
  }

  @Test
  void aCollectorOfTheUsersIsKept() {
    assertThat(JvmOptions.beside(List.of("-XX:+UseZGC"))).doesNotContain("-XX:+UseSerialGC");
    assertThat(JvmOptions.beside(List.of())).contains("-XX:+UseSerialGC");
  }
}
