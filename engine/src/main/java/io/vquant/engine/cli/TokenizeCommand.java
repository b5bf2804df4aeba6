package io.vquant.engine.cli;

import io.vquant.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tokenize}: text to token ids, or ids to text. */
@Command(
    description = "Turns text into token ids, or ids into text. No BOS is added unless asked for.",
    footer = {
      "",
      "Without TEXT and --file a piped stdin is read, every byte of it.",
      "Examples:",
      "  tokenize \"Hello world\" --json",
      "  tokenize --decode 15,27,3"
    })
final class TokenizeCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelFolderOption folder;
  @Mixin private OutputOptions output;

  @Parameters(arity = "0..1", paramLabel = "TEXT", description = "the text")
  private @Nullable String positional;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "read the text from a file; - is stdin")
  private @Nullable String file;

  @Option(names = "--decode", paramLabel = "IDS", description = "ids to turn into text: 1,2,3")
  private @Nullable String decode;

  @Option(names = "--bos", description = "put the model's BOS token first")
  private boolean bos;

  @Option(names = "--special", description = "control tokens written in the text count as such")
  private boolean special;

  @Option(names = "--json", description = "{\"ids\":[...],\"tokens\":[...]} in place of text")
  private boolean json;

  TokenizeCommand(CommandContext context) {
    this.context = context;
    folder = new ModelFolderOption();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    if (decode != null && (positional != null || file != null || bos || special)) {
      throw CommandFailure.usage("--decode: goes without TEXT, --file, --bos and --special");
    }
    if (positional != null && file != null) {
      throw CommandFailure.usage("more than one text: give one of TEXT and --file");
    }
    int[] decodedIds = decode == null ? null : TokenIds.parse("--decode", decode);
    String text = decode == null ? readText() : "";
    try (Tokenizer tokenizer =
        Tokenizer.open(folder.path(context), ModelOptions.nativeCache(context))) {
      int[] ids = decodedIds == null ? encode(tokenizer, text) : decodedIds;
      TokenIds.requireKnown(ids, tokenizer);
      if (json) {
        printJson(tokenizer, ids);
      } else if (decodedIds != null) {
        context.console().out().line(tokenizer.decode(ids, false));
      } else {
        context
            .console()
            .out()
            .line(IntStream.of(ids).mapToObj(Integer::toString).collect(Collectors.joining(",")));
      }
    }
    if (output.debug()) {
      context.console().message("model: " + folder.name());
    }
    return ExitCode.DONE;
  }

  private String readText() {
    if (positional != null) {
      return positional;
    }
    if (file != null) {
      return InputText.ofFile(file, context.console().in());
    }
    if (Console.inputIsTerminal()) {
      throw CommandFailure.usage("no text: give TEXT, --file or a piped stdin");
    }
    return InputText.ofStdin(context.console().in());
  }

  private int[] encode(Tokenizer tokenizer, String text) {
    TokenIds.requireTextFits(text);
    int[] ids = special ? tokenizer.encodeWithControlTokens(text) : tokenizer.encode(text);
    if (!bos) {
      return ids;
    }
    OptionalInt bosId = tokenizer.bosTokenId();
    if (bosId.isEmpty()) {
      throw CommandFailure.usage("--bos: this tokenizer names no BOS token");
    }
    return IntStream.concat(IntStream.of(bosId.getAsInt()), IntStream.of(ids)).toArray();
  }

  private void printJson(Tokenizer tokenizer, int[] ids) {
    List<String> tokens = new ArrayList<>();
    for (int id : ids) {
      tokens.add(tokenizer.token(id));
    }
    JsonText object = new JsonText().put("ids", ids).put("tokens", tokens);
    if (decode != null) {
      object.put("text", tokenizer.decode(ids, false));
    }
    context.console().out().line(object.compact());
  }
}
