package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Plain lines against picocli: what is read without it must be what it would have read. */
class PlainLineTest {
  private static final List<String> WORDS =
      List.of(
          "--raw",
          "--json",
          "--quiet",
          "--debug",
          "--no-progress",
          "--ignore-eos",
          "-n",
          "--temp",
          "--top-k",
          "--top-p",
          "--min-p",
          "--seed",
          "--stop",
          "--repeat-penalty",
          "-p",
          "-f",
          "--prompt",
          "--file",
          "--max-tokens",
          "--system",
          "-m",
          "--device",
          "-t",
          "-c",
          "--kv",
          "--presence-penalty",
          "--frequency-penalty",
          "--help",
          "--unknown",
          "--",
          "-x",
          "hello",
          "two words",
          "@file",
          "",
          "-",
          "7",
          "0",
          "007",
          "-1",
          "0.5",
          ".5",
          "1.",
          "1e3",
          "0x10",
          "99999999999",
          "1.2.3",
          "+4",
          "--temp=0.7",
          "--raw=true",
          "--stop=x",
          "--stop=",
          "-n5",
          "--seed=12",
          "NaN",
          "'q'");

  /** A command that has only been made keeps its context and looks at nothing in it. */
  private static GenerateCommand command() {
    return new GenerateCommand(null);
  }

  private static CommandLine picocli(GenerateCommand command) {
    return new CommandLine(command).setExpandAtFiles(false).setInterpolateVariables(false);
  }

  /** Every field of the command and of its groups of options. */
  private static Map<String, Object> fields(Object object, String prefix) {
    Map<String, Object> values = new TreeMap<>();
    for (Field field : object.getClass().getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers())) {
        continue;
      }
      try {
        field.setAccessible(true);
        Object value = field.get(object);
        if (value != null && value.getClass().getPackageName().equals("io.vquant.engine.cli")) {
          values.putAll(fields(value, prefix + field.getName() + "."));
        } else {
          values.put(prefix + field.getName(), value);
        }
      } catch (IllegalAccessException e) {
        throw new AssertionError(e);
      }
    }
    return values;
  }

  private static boolean agrees(String... args) {
    GenerateCommand plain = command();
    Map<String, Object> before = fields(plain, "");
    boolean read = plain.plainLine().read(args);
    if (!read) {
      assertThat(fields(plain, "")).as("untouched by %s", List.of(args)).isEqualTo(before);
      return false;
    }
    GenerateCommand reference = command();
    picocli(reference).parseArgs(args);
    assertThat(fields(plain, "")).as("%s", List.of(args)).isEqualTo(fields(reference, ""));
    return true;
  }

  @Test
  void readsWhatPeopleType() {
    assertThat(agrees("Tell me a story.")).isTrue();
    assertThat(agrees()).isTrue();
    assertThat(agrees("--raw", "--temp", "0", "-n", "6", "--ignore-eos", "--json", "Once"))
        .isTrue();
    assertThat(agrees("--seed=7", "--stop", "a", "--stop", "b", "-p", "x y")).isTrue();
    assertThat(agrees("--top-k", "40", "--top-p=0.95", "--min-p", "0.05", "--quiet")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "-n",
        "-n -1",
        "-n x",
        "--temp 1e3",
        "--raw=true",
        "-p ",
        "a b",
        "--raw --raw",
        "--seed 1 --seed 2",
        "--top-k 3.5",
        "-n5",
        "--",
        "--unknown",
        "-",
        "--stop=",
        "--seed -3"
      })
  void leavesTheRestToPicocli(String line) {
    assertThat(agrees(line.split(" ", -1))).isFalse();
  }

  @Test
  void agreesOnRandomLines() {
    int read = 0;
    for (int seed = 0; seed < 3000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<String> args = new ArrayList<>();
      for (int i = random.nextInt(5); i >= 0; i--) {
        args.add(WORDS.get(random.nextInt(WORDS.size())));
      }
      read += agrees(args.toArray(new String[0])) ? 1 : 0;
    }
    assertThat(read).isGreaterThan(200);
  }

  @Test
  void knowsNoOptionThatPicocliDoesNot() {
    GenerateCommand command = command();
    Map<String, OptionSpec> options = picocli(command).getCommandSpec().optionsMap();
    assertThat(options.keySet()).containsAll(command.plainLine().names());
  }
}
