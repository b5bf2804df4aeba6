package io.vquant.engine.cli;

import io.vquant.engine.hub.ModelName;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The one option of commands that only look at a folder. */
final class ModelFolderOption {
  @Option(
      names = {"-m", "--model"},
      paramLabel = "DIR",
      description =
          "a Hugging Face model folder, or ORG/NAME that was pulled (default: the bundled model)")
  private @Nullable String model;

  void addTo(PlainLine line) {
    line.text(value -> model = value, "-m", "--model");
  }

  /** The folder; the bundled model's is unpacked when it is not there. */
  Path path(CommandContext context) {
    if (model == null) {
      return BundledModel.open().unpack(context.cacheFolder());
    }
    try {
      Path path = Path.of(model);
      return Files.exists(path)
          ? path
          : ModelName.parse(model).map(pulled -> ModelsFolder.pulled(context, pulled)).orElse(path);
    } catch (InvalidPathException e) {
      throw CommandFailure.badModel("--model " + model + ": not a file name: " + e.getReason());
    }
  }

  /** Whether the option was given. */
  boolean isGiven() {
    return model != null;
  }

  /** How reports name the model. */
  String name() {
    return model == null ? BundledModel.NAME : model;
  }
}
