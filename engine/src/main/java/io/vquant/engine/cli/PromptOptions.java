package io.vquant.engine.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where the prompt of {@code generate} comes from: one argument, one file, or a piped stdin. */
final class PromptOptions {
  @Parameters(arity = "0..1", paramLabel = "PROMPT", description = "the prompt")
  private @Nullable String positional;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description = "the prompt, as an option")
  private @Nullable String option;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description =
          "read the prompt from a file; - is stdin, which is also read when it is piped"
              + " and no prompt is given")
  private @Nullable String file;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "the system message before the prompt")
  private @Nullable String system;

  @Option(names = "--raw", description = "continue the prompt as it is, without a chat template")
  private boolean raw;

  /** The same options for plain lines. */
  void addTo(PlainLine line) {
    line.positional(value -> positional = value);
    line.text(value -> option = value, "-p", "--prompt");
    line.text(value -> file = value, "-f", "--file");
    line.text(value -> system = value, "--system");
    line.flag(() -> raw = true, "--raw");
  }

  boolean raw() {
    return raw;
  }

  @Nullable String system() {
    return system;
  }

  /**
   * Reads the prompt. The line break that ends a file's or pipe's last line is not part of what a
   * user says to a chat; with {@code --raw} every character counts.
   *
   * @throws CommandFailure if there is none, more than one, or one that is empty or not text
   */
  String read(Console console) {
    int given = (positional == null ? 0 : 1) + (option == null ? 0 : 1) + (file == null ? 0 : 1);
    if (given > 1) {
      throw CommandFailure.usage("more than one prompt: give one of PROMPT, --prompt and --file");
    }
    if (raw && system != null) {
      throw CommandFailure.usage("--system: --raw continues text that has no system message");
    }
    String argument = positional != null ? positional : option;
    String prompt = argument != null ? argument : withoutLastBreak(readText(console));
    if (prompt.isEmpty()) {
      throw CommandFailure.badInput("the prompt is empty: expected at least one character");
    }
    return prompt;
  }

  /**
   * The same for a chat, which needs none: null when none is given.
   *
   * @throws CommandFailure as {@link #read}, and for stdin, which a chat reads line by line
   */
  @Nullable String readIfGiven() {
    if (file != null && file.equals("-")) {
      throw CommandFailure.usage("--file -: a chat reads stdin line by line; leave it out");
    }
    if (positional == null && option == null && file == null) {
      if (raw && system != null) {
        throw CommandFailure.usage("--system: --raw continues text that has no system message");
      }
      return null;
    }
    return read(Console.ofProcess());
  }

  private String readText(Console console) {
    if (file != null) {
      return InputText.ofFile(file, console.in());
    }
    if (Console.inputIsTerminal()) {
      throw CommandFailure.usage("no prompt: give PROMPT, --prompt, --file or a piped stdin");
    }
    return InputText.ofStdin(console.in());
  }

  private String withoutLastBreak(String text) {
    if (raw || !text.endsWith("\n")) {
      return text;
    }
    return text.substring(0, text.length() - (text.endsWith("\r\n") ? 2 : 1));
  }
}
