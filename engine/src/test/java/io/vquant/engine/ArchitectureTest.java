package io.vquant.engine;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.conditions.ArchConditions.callMethodWhere;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The rules that hold for the whole code base: who may know whom, and who may touch the process.
 */
class ArchitectureTest {
  private static final Set<String> MODULES =
      Set.of("weights", "kernels", "tokenizer", "model", "eval", "engine");

  /** What each module may import besides itself. */
  private static final Map<String, Set<String>> ARROWS =
      Map.of(
          "weights", Set.of(),
          "kernels", Set.of(),
          "tokenizer", Set.of(),
          "model", Set.of("weights", "kernels"),
          "eval", Set.of("model", "weights", "kernels"),
          "engine", MODULES);

  private static final String[] PROCESS_OWNERS = {
    "io.vquant.engine.cli..", "io.vquant.engine.launcher.."
  };

  private static JavaClasses code;

  @BeforeAll
  static void importCode() {
    code =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.vquant");
    for (String module : MODULES) {
      assertThat(code.that(resideInAPackage("io.vquant." + module + "..")))
          .as("classes of %s", module)
          .isNotEmpty();
    }
  }

  @Test
  void modulesOnlyKnowThoseBelowThem() {
    for (String module : MODULES) {
      List<String> forbidden =
          MODULES.stream()
              .filter(other -> !other.equals(module) && !ARROWS.get(module).contains(other))
              .map(other -> "io.vquant." + other + "..")
              .toList();
      if (!forbidden.isEmpty()) {
        noClasses()
            .that()
            .resideInAPackage("io.vquant." + module + "..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(forbidden.toArray(new String[0]))
            .check(code);
      }
    }
  }

  @Test
  void theLibraryDoesNotKnowItsCommandLine() {
    noClasses()
        .that()
        .resideOutsideOfPackages(PROCESS_OWNERS)
        .should()
        .dependOnClassesThat(resideInAnyPackage(PROCESS_OWNERS))
        .orShould()
        .dependOnClassesThat(resideInAPackage("picocli.."))
        .check(code);
  }

  @Test
  void onePackageNamesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.vquant.kernels.cpu..")
        .should()
        .dependOnClassesThat(resideInAPackage("jdk.incubator.vector.."))
        .check(code);
    assertThat(code.that(describe("use vectors", ArchitectureTest::usesVectors))).isNotEmpty();
  }

  @Test
  void onePackageNamesJcuda() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.vquant.kernels.cuda.driver..")
        .should()
        .dependOnClassesThat(resideInAPackage("jcuda.."))
        .check(code);
  }

  private static boolean usesVectors(JavaClass type) {
    return type.getDirectDependenciesFromSelf().stream()
        .anyMatch(d -> d.getTargetClass().getPackageName().startsWith("jdk.incubator.vector"));
  }

  @Test
  void onlyTheCommandLineAndTheLauncherPrint() {
    noClasses()
        .that()
        .resideOutsideOfPackages(PROCESS_OWNERS)
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .orShould()
        .accessField(System.class, "in")
        .orShould()
        .callMethod(System.class, "console")
        .orShould(callMethodWhere(target(nameMatching("printStackTrace"))))
        .check(code);
  }

  @Test
  void onlyTheCommandLineAndTheLauncherReadPropertiesAndEnvironment() {
    noClasses()
        .that()
        .resideOutsideOfPackages(PROCESS_OWNERS)
        .should(callMethodWhere(readsProcessSettings()))
        .check(code);
  }

  private static DescribedPredicate<JavaCall<?>> readsProcessSettings() {
    return target(owner(nameMatching("java\\.lang\\.System")))
        .and(target(nameMatching("getProperty|getProperties|getenv|exit|clearProperty")))
        .or(
            target(owner(nameMatching("java\\.lang\\.(Integer|Long|Boolean)")))
                .and(target(nameMatching("getInteger|getLong|getBoolean"))))
        .forSubtype();
  }

  /** JCuda takes settings from system properties alone; one class sets them, nothing else does. */
  @Test
  void onlyTheLoaderOfTheCudaDriverSetsProperties() {
    noClasses()
        .that()
        .resideOutsideOfPackages(PROCESS_OWNERS)
        .and()
        .doNotHaveFullyQualifiedName("io.vquant.kernels.cuda.driver.DriverLibrary")
        .should(
            callMethodWhere(
                target(owner(nameMatching("java\\.lang\\.System")))
                    .and(target(nameMatching("setProperty|setProperties|setOut|setErr|setIn")))
                    .forSubtype()))
        .check(code);
  }

  @Test
  void namesSayWhatAClassIs() {
    noClasses()
        .should()
        .haveSimpleNameStartingWith("Abstract")
        .orShould()
        .haveNameMatching(".*(Impl|Utils?|Helpers?|Manager)(\\$.*)?")
        .check(code);
  }

  @Test
  void onlyTheLauncherReflects() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.vquant.engine.launcher..")
        .should()
        .dependOnClassesThat(resideInAPackage("java.lang.reflect.."))
        .orShould()
        .callMethod(Class.class, "forName", String.class)
        .orShould()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.ServiceLoader")
        .check(code);
  }

  @Test
  void staticFieldsAreConstants() {
    fields().that().areStatic().and(writtenInSource()).should().beFinal().check(code);
    noFields()
        .that()
        .areStatic()
        .and(writtenInSource())
        .should()
        .haveRawType(mutable())
        .check(code);
    // An array's elements can change, so at least nobody outside may get at it.
    ArchRule arraysArePrivate =
        fields()
            .that()
            .areStatic()
            .and(writtenInSource())
            .and()
            .haveRawType(describe("array", JavaClass::isArray))
            .should()
            .bePrivate()
            .allowEmptyShould(true);
    arraysArePrivate.check(code);
  }

  private static DescribedPredicate<JavaField> writtenInSource() {
    return describe(
        "are written in the source",
        field ->
            !field.getModifiers().contains(JavaModifier.SYNTHETIC)
                && !field.getName().contains("$"));
  }

  /** Types whose instances change; unmodifiable collections are declared by their interfaces. */
  private static DescribedPredicate<JavaClass> mutable() {
    return describe(
        "mutable type",
        type ->
            type.isAssignableTo(Random.class)
                || type.isAssignableTo(Executor.class)
                || type.isAssignableTo(Thread.class)
                || type.isAssignableTo(ThreadLocal.class)
                || type.isAssignableTo(StringBuilder.class)
                || type.getPackageName().equals(AtomicBoolean.class.getPackageName())
                || type.getPackageName().equals("java.util.concurrent.locks")
                || (!type.isInterface()
                    && (type.isAssignableTo(Collection.class) || type.isAssignableTo(Map.class))));
  }
}
