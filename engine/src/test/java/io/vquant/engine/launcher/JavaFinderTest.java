package io.vquant.engine.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JavaFinderTest {
  private static final String MODULE = "jdk.incubator.vector";
  @TempDir private Path temp;

  private Path home(String name, String release) throws IOException {
    Path home = Files.createDirectories(temp.resolve(name));
    Files.createDirectories(home.resolve("bin"));
    Path java = Files.writeString(home.resolve("bin/java"), "");
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.writeString(home.resolve("release"), release);
    return home;
  }

  private static String version(String version) {
    return "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"" + version + "\"\nOS_ARCH=\"x86_64\"\n";
  }

  private JavaInstallation find(Path... pointedAt) {
    return new JavaFinder(List.of(pointedAt), List.of(temp, temp.resolve("absent")), MODULE)
        .find(25);
  }

  @Test
  void takesTheOldestThatIsNewEnough() throws IOException {
    home("a", version("17.0.15"));
    home("b", version("27-ea"));
    Path best = home("c", version("25.0.3"));
    home("d", version("26"));
    home("e", version("1.8.0_402"));
    assertThat(find().executable()).isEqualTo(best.resolve("bin/java"));
    assertThat(find().feature()).isEqualTo(25);
  }

  @Test
  void prefersWhatTheUserPointsAtIfItIsNewEnough() throws IOException {
    Path old = home("a", version("21.0.1"));
    Path chosen = home("b", version("26"));
    home("c", version("25"));
    assertThat(find(old, chosen).feature()).isEqualTo(26);
  }

  @Test
  void passesByWhatCannotRunTheEngine() throws IOException {
    home("arm", version("25").replace("x86_64", "aarch64"));
    home("small", version("25") + "MODULES=\"java.base java.logging\"\n");
    home("empty", "");
    Files.delete(home("noRelease", version("25")).resolve("release"));
    Files.delete(home("noJava", version("25")).resolve("bin/java"));
    assertThat(find(temp.resolve("absent"))).isNull();
  }
}
