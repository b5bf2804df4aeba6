package io.vquant.engine.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The jar under a java that is too old; skipped where none is installed. */
final class LauncherIT {
  private static final String[] ENDLESS = {
    "generate", "--temp", "0", "--ignore-eos", "-c", "4096", "Tell me a story."
  };
  private Path oldJava;

  @BeforeEach
  void findOldJava() throws IOException {
    Path found = null;
    try (DirectoryStream<Path> homes = Files.newDirectoryStream(Path.of("/usr/lib/jvm"))) {
      for (Path home : homes) {
        JavaInstallation java = JavaInstallation.read(home, "java.base");
        if (java != null && java.feature() >= 11 && java.feature() < Launcher.OLDEST_JAVA) {
          found = java.executable();
        }
      }
    } catch (IOException e) {
      found = null;
    }
    assumeTrue(found != null, "no java of 11 to 24 below /usr/lib/jvm");
    oldJava = found;
  }

  private Process start(String... args) throws IOException {
    List<String> command =
        new ArrayList<>(List.of(oldJava.toString(), "-jar", System.getProperty("vquant.test.jar")));
    command.addAll(Arrays.asList(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    Path jar = Path.of(System.getProperty("vquant.test.jar"));
    builder.environment().put("VQUANT_CACHE", jar.resolveSibling("test-cache").toString());
    builder.environment().put("VQUANT_JAVA_HOME", System.getProperty("java.home"));
    return builder.start();
  }

  private static String text(InputStream stream) throws IOException {
    return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void runsOnANewerJavaWithoutAWord() throws IOException, InterruptedException {
    Process process = start("tokenize", "Grüße an  世界");
    process.getOutputStream().close();
    assertThat(text(process.getInputStream())).matches("[0-9,]+\n");
    assertThat(text(process.getErrorStream())).isEmpty();
    assertThat(process.waitFor()).isZero();
  }

  @Test
  void exitCodesComeBack() throws IOException, InterruptedException {
    Process process = start("generate", "--top-p", "1.5", "x");
    assertThat(text(process.getErrorStream())).startsWith("vquant: ").hasLineCount(1);
    assertThat(process.waitFor()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void signalsReachTheEngine(String signal) throws IOException, InterruptedException {
    Process process = start(ENDLESS);
    assertThat(process.getInputStream().readNBytes(10)).hasSize(10);
    ProcessHandle engine = process.children().findFirst().orElseThrow();
    kill(signal, process);
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(130);
    assertThat(engine.isAlive()).isFalse();
  }

  @Test
  void theEngineEndsWithAKilledLauncher() throws Exception {
    Process process = start(ENDLESS);
    assertThat(process.getInputStream().readNBytes(10)).hasSize(10);
    ProcessHandle engine = process.children().findFirst().orElseThrow();
    kill("KILL", process);
    engine.onExit().get(20, TimeUnit.SECONDS);
    assertThat(process.waitFor()).isEqualTo(137);
  }

  private static void kill(String signal, Process process)
      throws IOException, InterruptedException {
    assertThat(new ProcessBuilder("kill", "-" + signal, "" + process.pid()).start().waitFor())
        .isZero();
  }
}
