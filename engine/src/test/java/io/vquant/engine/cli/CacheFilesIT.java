package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code --save-cache} and {@code --load-cache} through the jar, and a process killed in between.
 */
final class CacheFilesIT {
  private static final int BAD_INPUT = 4;
  private static final String TEXT =
      "Once upon a time there was a fox who lived by a pond. ".repeat(20);
  @TempDir private Path temp;

  private static Cli.Outcome generate(String text, String... more) {
    String[] all =
        Arrays.copyOf(new String[] {"generate", "--raw", "--temp", "0", text}, 5 + more.length);
    System.arraycopy(more, 0, all, 5, more.length);
    return Cli.computing().run(all);
  }

  @Test
  void aSavedCacheIsUsedOrRefused() throws IOException {
    String file = temp.resolve("fox.cache").toString();
    generate(TEXT, "-n", "1", "--save-cache", file).succeeds();
    String longer = TEXT + "The fox";
    Cli.Outcome loaded = generate(longer, "-n", "8", "--load-cache", file).succeeds();
    assertThat(loaded.err()).containsPattern("prefill \\d tokens");
    assertThat(loaded.out()).isEqualTo(generate(longer, "-n", "8").succeeds().out());

    generate(longer, "-n", "1", "--load-cache", file, "--kv", "k4v4")
        .failsWith(BAD_INPUT, "fox.cache: made with policy k8v4", "expected k4v4");
    byte[] bytes = Files.readAllBytes(Path.of(file));
    bytes[bytes.length / 2] ^= 4;
    Files.write(temp.resolve("flipped"), bytes);
    generate(longer, "-n", "1", "--load-cache", temp.resolve("flipped").toString())
        .failsWith(BAD_INPUT, "flipped: section ", "is damaged");
    generate(longer, "--load-cache", temp.resolve("none").toString())
        .failsWith(BAD_INPUT, "no such file");
    generate(longer, "--save-cache", temp.resolve("no/such").toString())
        .failsWith(BAD_INPUT, "--save-cache", "no such folder");
  }

  @Test
  void killedWhileItSavesTheFileIsTheOldOrTheNewOne() throws IOException, InterruptedException {
    Path file = temp.resolve("killed.cache");
    generate("Once upon a time", "-n", "1", "--save-cache", file.toString()).succeeds();
    byte[] old = Files.readAllBytes(file);
    for (int delayMillis : new int[] {0, 3, 10, 25, 60}) {
      Files.write(file, old);
      // In one process: killing the launcher would leave the engine a moment to end.
      Process process =
          Cli.computing()
              .withOptions("-Dvquant.launcher=off")
              .start("generate", "--raw", TEXT, "-n", "1", "--save-cache", file.toString());
      process.getOutputStream().close();
      try (BufferedReader err =
          new BufferedReader(
              new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
        String line = err.readLine();
        while (line != null && !line.contains("ended by")) {
          line = err.readLine();
        }
        assertThat(line).isNotNull();
        Thread.sleep(delayMillis);
        process.destroyForcibly();
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
      }
      if (!Arrays.equals(Files.readAllBytes(file), old)) {
        generate(TEXT + "The", "-n", "1", "--load-cache", file.toString()).succeeds();
      }
    }
  }
}
