package io.vquant.engine.cli;

import io.vquant.engine.InvalidPromptException;
import io.vquant.engine.NotEnoughMemoryException;
import io.vquant.engine.sampling.NonFiniteLogitsException;
import io.vquant.kernels.backend.DeviceFailureException;
import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.UnfitPolicyException;
import io.vquant.kernels.kvcache.UnstorableValueException;
import io.vquant.kernels.quant.UnfitSchemeException;
import io.vquant.model.MalformedConfigException;
import io.vquant.tokenizer.MalformedTokenizerException;
import io.vquant.tokenizer.NativeLibraryException;
import io.vquant.weights.MalformedCheckpointException;
import java.util.List;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one line on stderr and an exit code. */
final class FailureReport {
  private static final int MAX_QUOTED_CHARS = 60;
  private final Console console;

  FailureReport(Console console) {
    this.console = console;
  }

  /** Reports options that picocli could not read. */
  int usage(ParameterException e, boolean debug) {
    console.failure(usageMessage(e));
    printTrace(e, debug);
    return ExitCode.USAGE;
  }

  /** Reports any other failure. */
  int report(Throwable e, boolean debug) {
    if (e instanceof ClosedOutputException) {
      return ExitCode.DONE;
    }
    if (e instanceof InterruptedCommandException) {
      return ExitCode.INTERRUPTED;
    }
    int exitCode = exitCode(e);
    console.failure(exitCode == ExitCode.BUG ? bugMessage(e) : message(e));
    printTrace(e, debug);
    return exitCode;
  }

  private static int exitCode(Throwable e) {
    return switch (e) {
      case CommandFailure failure -> failure.exitCode();
      case MalformedCheckpointException _,
          MalformedConfigException _,
          MalformedTokenizerException _,
          NonFiniteLogitsException _,
          UnstorableValueException _ ->
          ExitCode.BAD_MODEL;
      case UnfitPolicyException _, UnfitSchemeException _ -> ExitCode.USAGE;
      case InvalidPromptException _ -> ExitCode.BAD_INPUT;
      case NotEnoughMemoryException _, OutOfDeviceMemoryException _, OutOfMemoryError _ ->
          ExitCode.NOT_ENOUGH_MEMORY;
      case UnsupportedKernelException _, DeviceFailureException _, NativeLibraryException _ ->
          ExitCode.DEVICE_CANNOT;
      default -> ExitCode.BUG;
    };
  }

  private static String message(Throwable e) {
    if (e instanceof OutOfMemoryError) {
      return "not enough memory (" + e.getMessage() + "): give Java more with java -Xmx8g -jar ...";
    }
    return switch (e) {
      case UnfitPolicyException _ -> "--kv: " + e.getMessage();
      case UnfitSchemeException _ -> "--weights: " + e.getMessage();
      default -> e.getMessage();
    };
  }

  private static String bugMessage(Throwable e) {
    return "a bug in vquant-engine "
        + Program.version()
        + ", please report it with the output of the"
        + " same command and --debug: "
        + e;
  }

  private static String usageMessage(ParameterException e) {
    List<String> options = List.copyOf(e.getCommandLine().getCommandSpec().optionsMap().keySet());
    return switch (e) {
      case UnmatchedArgumentException unmatched -> {
        String word = unmatched.getUnmatched().get(0);
        yield word.startsWith("-")
            ? "unknown option '" + shortened(word) + "': " + suggestion(word, options)
            : "unexpected argument '" + shortened(word) + "': put text of several words in quotes";
      }
      case OverwrittenOptionException _, MissingParameterException _ -> e.getMessage();
      default -> e.getMessage() + "; see --help";
    };
  }

  /** Only long names are suggested, and only for what stands before a {@code =}. */
  private static String suggestion(String word, List<String> options) {
    String name = word.indexOf('=') < 0 ? word : word.substring(0, word.indexOf('='));
    return Suggestion.of(
        shortened(name), options.stream().filter(option -> option.startsWith("--")).toList());
  }

  private static String shortened(String text) {
    return text.length() <= MAX_QUOTED_CHARS ? text : text.substring(0, MAX_QUOTED_CHARS) + "...";
  }

  private void printTrace(Throwable e, boolean debug) {
    if (debug) {
      e.printStackTrace(console.err());
    }
  }
}
