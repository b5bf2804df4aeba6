package io.vquant.engine;

import io.vquant.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Opens a tokenizer on a thread of its own while the weights are read: each takes a good part of
 * the time to the first token. Closing closes a tokenizer that nobody took.
 */
final class TokenizerOpening implements AutoCloseable {
  private final @Nullable FutureTask<Tokenizer> task;
  private boolean taken;

  /**
   * Starts.
   *
   * @param nativeCacheDirectory null: there is no tokenizer
   */
  TokenizerOpening(Path modelDirectory, @Nullable Path nativeCacheDirectory) {
    if (nativeCacheDirectory == null) {
      task = null;
      return;
    }
    task = new FutureTask<>(() -> Tokenizer.open(modelDirectory, nativeCacheDirectory));
    Thread.ofPlatform().name("tokenizer-opening").daemon().start(task);
  }

  /** Waits for the tokenizer; what opening it threw is thrown here. */
  @Nullable Tokenizer take() {
    Tokenizer tokenizer = await();
    taken = true;
    return tokenizer;
  }

  @Override
  public void close() {
    if (taken) {
      return;
    }
    try {
      Tokenizer tokenizer = await();
      if (tokenizer != null) {
        tokenizer.close();
      }
    } catch (RuntimeException alreadyFailing) {
      // The caller is throwing something else; a tokenizer that did not open holds nothing.
    }
  }

  private @Nullable Tokenizer await() {
    if (task == null) {
      return null;
    }
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException wait) {
          interrupted = true;
        } catch (ExecutionException failure) {
          if (failure.getCause() instanceof RuntimeException cause) {
            throw cause;
          }
          if (failure.getCause() instanceof Error cause) {
            throw cause;
          }
          throw new IllegalStateException(failure.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
