package io.vquant.engine.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** The options name methods in text: they must be there. */
class JvmOptionsTest {
  /** Whatever a command to the compiler does, it names a method: {@code class::method}. */
  private static final Pattern METHOD =
      Pattern.compile("-XX:CompileCommand=\\w+,([\\w.$]+)::(\\w+)(,.*)?");

  private static Set<String> methods(String command) {
    Set<String> methods = new TreeSet<>();
    for (String option : JvmOptions.beside(List.of(), "")) {
      Matcher matcher = METHOD.matcher(option);
      if (option.contains("=" + command + ",") && matcher.matches()) {
        methods.add(matcher.group(1) + "::" + matcher.group(2));
      }
    }
    return methods;
  }

  @Test
  void everyCommandToTheCompilerNamesAMethod() {
    assertThat(JvmOptions.beside(List.of(), ""))
        .filteredOn(
            option -> option.startsWith("-XX:CompileCommand=") && !option.endsWith("=quiet"))
        .filteredOn(option -> !option.contains(JvmOptions.STAND_INS))
        .isNotEmpty()
        .allMatch(option -> METHOD.matcher(option).matches());
  }

  @Test
  void everyHotOrVectorLoopExists() throws ClassNotFoundException {
    Set<String> early = methods("CompileThresholdScaling");
    assertThat(early).hasSizeGreaterThan(methods("dontinline").size());
    assertThat(early).containsAll(methods("dontinline"));
    requireExist(early);
  }

  @Test
  void everyInlinedMethodExistsAndIsNoLoop() throws ClassNotFoundException {
    Set<String> inlined = methods("inline");
    assertThat(inlined).isNotEmpty().doesNotContainAnyElementsOf(methods("dontinline"));
    requireExist(inlined);
  }

  @Test
  void standInsAreThoseOfTheVectorModule() {
    String name = FloatVector.class.getName();
    assertThat(JvmOptions.STAND_INS).isEqualTo(name.substring(0, name.lastIndexOf('.')) + ".*::*");
    assertThat(JvmOptions.beside(List.of(), ""))
        .filteredOn(option -> option.contains(JvmOptions.STAND_INS))
        .hasSize(1);
  }

  private static void requireExist(Set<String> methods) throws ClassNotFoundException {
    for (String method : methods) {
      String[] names = method.split("::", 2);
      Class<?> type = Class.forName(names[0], false, JvmOptionsTest.class.getClassLoader());
      assertThat(Arrays.stream(type.getDeclaredMethods()).map(Method::getName))
          .as(method)
          .contains(names[1]);
    }
  }

  @Test
  void methodsThatTakeOrReturnAVectorAreInlined() {
    Set<String> vectorMethods = new TreeSet<>();
    for (JavaClass type :
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.vquant.kernels.cpu")) {
      for (JavaMethod method : type.getMethods()) {
        List<JavaClass> types = new ArrayList<>(method.getRawParameterTypes());
        types.add(method.getRawReturnType());
        if (types.stream().anyMatch(used -> used.isAssignableTo("jdk.incubator.vector.Vector"))) {
          vectorMethods.add(type.getName() + "::" + method.getName());
        }
      }
    }
    assertThat(methods("inline")).isEqualTo(vectorMethods);
  }

  @Test
  void aCollectorOfTheUsersIsKept() {
    assertThat(JvmOptions.beside(List.of("-XX:+UseZGC"), "")).doesNotContain("-XX:+UseSerialGC");
    assertThat(JvmOptions.beside(List.of(), "")).contains("-XX:+UseSerialGC");
  }

  @Test
  void onlyAShortRunIsCompiledLess() {
    List<String> server = JvmOptions.beside(List.of(), "serve");
    assertThat(JvmOptions.beside(List.of(), "")).isEqualTo(server);
    assertThat(JvmOptions.beside(List.of(), "generate"))
        .containsAll(server)
        .anyMatch(option -> option.matches("-XX:Tier3InvokeNotifyFreqLog=\\d+"));
    assertThat(server).noneMatch(option -> option.contains("NotifyFreqLog"));
  }
}
