package io.vquant.engine.cli;

import io.vquant.kernels.Backends;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/**
 * Finds the command, has picocli fill its options, runs it and turns failures into one line and an
 * exit code. Only the class of the command that runs is loaded.
 */
final class Program {
  private static final String NAME = "java -jar vquant-engine.jar";

  /** Each command's class, and what it does in a line of {@code --help}. */
  private record Entry(
      String description, Function<CommandContext, Callable<Integer>> constructor) {}

  private static final Map<String, Entry> COMMANDS = commands();
  private static final Set<String> WARM_COMMANDS = Set.of("generate", "logits", "serve");

  private final CommandContext context;
  private final FailureReport failures;

  Program(CommandContext context) {
    this.context = context;
    this.failures = new FailureReport(context.console());
  }

  /** Lambdas, not method references: linking one of those loads the class that it names. */
  private static Map<String, Entry> commands() {
    Map<String, Entry> commands = new LinkedHashMap<>();
    commands.put("generate", new Entry("answer a prompt", c -> new GenerateCommand(c)));
    commands.put("chat", new Entry("talk with a model", c -> new ChatCommand(c)));
    commands.put("serve", new Entry("serve the model over HTTP", c -> new ServeCommand(c)));
    commands.put(
        "pull", new Entry("fetch a model from a Hugging Face hub", c -> new PullCommand(c)));
    commands.put(
        "inspect", new Entry("show what a model folder holds", c -> new InspectCommand(c)));
    commands.put(
        "doctor", new Entry("check this machine and say what to do", c -> new DoctorCommand(c)));
    commands.put("tokenize", new Entry("text to token ids, or back", c -> new TokenizeCommand(c)));
    commands.put(
        "template", new Entry("render a chat as the model reads it", c -> new TemplateCommand(c)));
    commands.put(
        "logits", new Entry("write a model's numbers to a file", c -> new LogitsCommand(c)));
    commands.put("perplexity", new Entry("measure loss on a text", c -> new PerplexityCommand(c)));
    commands.put("kv-sweep", new Entry("compare KV cache policies", c -> new KvSweepCommand(c)));
    commands.put(
        "needle", new Entry("find what is hidden in long texts", c -> new NeedleCommand(c)));
    commands.put("eval", new Entry("ask tasks and judge the answers", c -> new EvalCommand(c)));
    commands.put("attn-map", new Entry("pictures of attention", c -> new AttnMapCommand(c)));
    commands.put(
        "attn-mse",
        new Entry("measure the error of low-bit attention", c -> new AttnMseCommand(c)));
    commands.put("quantize", new Entry("write 8- or 4-bit weights", c -> new QuantizeCommand(c)));
    commands.put("bench", new Entry("measure speed", c -> new BenchCommand(c)));
    return commands;
  }

  /** Runs {@code args} and returns the exit code; prints every failure itself. */
  int run(String[] args) {
    boolean debug = List.of(args).contains("--debug");
    try {
      int exitCode = dispatch(args);
      context.console().out().flush();
      return exitCode;
    } catch (CommandLine.ParameterException e) {
      return failures.usage(e, debug);
    } catch (Throwable e) { // whatever it is, it must become one line
      return failures.report(e, debug);
    }
  }

  private int dispatch(String[] args) throws Exception {
    if (args.length == 0) {
      throw CommandFailure.usage(
          "no command: expected one of " + String.join(", ", COMMANDS.keySet()) + "; see --help");
    }
    String name = args[0];
    List<String> rest = Arrays.asList(args).subList(1, args.length);
    if (name.equals("help") && !rest.isEmpty()) {
      return runCommand(rest.get(0), new String[] {"--help"});
    }
    return switch (name) {
      case "--help", "-h", "help" -> {
        printOverview();
        yield ExitCode.DONE;
      }
      case "--version", "-V" -> {
        context.console().out().line("vquant-engine " + version());
        yield ExitCode.DONE;
      }
      default -> runCommand(name, rest.toArray(new String[0]));
    };
  }

  private int runCommand(String name, String[] args) throws Exception {
    Entry entry = COMMANDS.get(name);
    if (entry == null) {
      String kind = name.startsWith("-") ? "option" : "command";
      List<String> known =
          name.startsWith("-") ? List.of("--help", "--version") : List.copyOf(COMMANDS.keySet());
      throw CommandFailure.usage(
          "unknown " + kind + " '" + name + "': " + Suggestion.of(name, known));
    }
    try (Backends.WarmUp _ =
        runsModel(name, args) ? Backends.warmUp(Device.CPU, weights(args)) : () -> {}) {
      return run(name, entry, args);
    }
  }

  /** The policy among arguments that have not been read yet; what is no policy is refused later. */
  private static WeightPolicy weights(String[] args) {
    int option = List.of(args).indexOf("--weights");
    if (option < 0 || option + 1 == args.length) {
      return WeightPolicy.STORED;
    }
    try {
      return WeightPolicy.parse(args[option + 1]);
    } catch (IllegalArgumentException e) {
      return WeightPolicy.STORED;
    }
  }

  /** Whether kernels will be needed soon: then getting them compiled starts before all else. */
  private static boolean runsModel(String name, String[] args) {
    return WARM_COMMANDS.contains(name) && !List.of(args).contains("--help");
  }

  private int run(String name, Entry entry, String[] args) throws Exception {
    Callable<Integer> command = entry.constructor.apply(context);
    if (command instanceof GenerateCommand generate && generate.plainLine().read(args)) {
      return generate.call();
    }
    CommandLine line =
        new CommandLine(command)
            .setCommandName(NAME + " " + name)
            .setExpandAtFiles(false) // a prompt may begin with @
            .setInterpolateVariables(false);
    line.parseArgs(args);
    if (line.isUsageHelpRequested()) {
      context.console().out().print(line.getUsageMessage(Ansi.OFF));
      return ExitCode.DONE;
    }
    return command.call();
  }

  private void printOverview() {
    TextOutput out = context.console().out();
    out.line("Usage: " + NAME + " COMMAND [options]").line("");
    COMMANDS.forEach((name, entry) -> out.line("  " + pad(name) + entry.description));
    out.line("").line("Each command explains its options: " + NAME + " generate --help").line("");
    out.line("Examples:");
    out.line("  " + NAME + " generate \"Tell me a story about a brave fox.\"");
    out.line("  " + NAME + " generate -m path/to/model -f prompt.txt --temp 0");
    out.line("  " + NAME + " doctor").line("");
    out.line("Exit codes: 0 done, 1 a bug, 2 usage, 3 bad model folder, 4 bad input,");
    out.line("  5 not enough memory, 6 the device cannot, 130 interrupted.");
  }

  private static String pad(String name) {
    return String.format(Locale.ROOT, "%-11s", name);
  }

  /** The jar's version. */
  static String version() {
    String version = Program.class.getPackage().getImplementationVersion();
    return version == null ? "(not from a jar)" : version;
  }
}
