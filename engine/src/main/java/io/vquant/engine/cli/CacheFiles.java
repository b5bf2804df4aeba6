package io.vquant.engine.cli;

import io.vquant.engine.BadSnapshotException;
import io.vquant.engine.GenerationSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The KV cache from a file, and to a file. */
final class CacheFiles {
  @Option(
      names = "--load-cache",
      paramLabel = "FILE",
      description =
          "begin with a saved KV cache: of a prompt that begins like its text only the rest is"
              + " computed")
  private @Nullable String load;

  @Option(
      names = "--save-cache",
      paramLabel = "FILE",
      description = "write the KV cache at the end; same model, tokenizer and --kv can load it")
  private @Nullable String save;

  /** Looks at the names before anything is computed. */
  void check() {
    if (load != null && !Files.isRegularFile(AtomicFile.named("--load-cache", load))) {
      throw CommandFailure.badInput("--load-cache " + load + ": no such file");
    }
    OutputFile.of("--save-cache", save);
  }

  /**
   * Fills a new session's cache, if a file is given.
   *
   * @throws CommandFailure if the file is damaged, or of another model or policy
   */
  void load(GenerationSession session) {
    if (load == null) {
      return;
    }
    try {
      session.loadCache(AtomicFile.named("--load-cache", load));
    } catch (BadSnapshotException e) {
      throw CommandFailure.badInput("--load-cache " + e.getMessage(), e);
    } catch (IOException e) {
      throw CommandFailure.badInput("--load-cache " + load + ": cannot be read: " + e, e);
    }
  }

  /**
   * Writes the session's cache, if a file is given.
   *
   * @throws CommandFailure if it cannot be written; what was there is as before
   */
  void save(GenerationSession session) {
    if (save == null) {
      return;
    }
    Path file = AtomicFile.named("--save-cache", save);
    try {
      session.saveCache(file);
    } catch (IOException e) {
      throw CommandFailure.badInput("--save-cache " + save + ": cannot be written: " + e, e);
    }
  }
}
