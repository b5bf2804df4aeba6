package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.LoadProgress;
import io.vquant.model.MemoryPlan;
import java.util.function.Function;

/** Opens engines, with a bar while they load and what {@code --debug} tells of them. */
record EngineLoading(CommandContext context, OutputOptions output) {

  /**
   * Opens one.
   *
   * @param opener gets the options, completed by the progress to tell
   */
  Engine open(EngineOptions options, Function<EngineOptions, Engine> opener) {
    try (ProgressBar bar =
        ProgressBar.ofBytes(context.console().err(), "loading", System.nanoTime())) {
      Engine engine = opener.apply(options.withLoadProgress(progress(bar)));
      if (output.debug()) {
        context.console().message("weights: " + WeightReport.line(engine));
      }
      return engine;
    }
  }

  private LoadProgress progress(ProgressBar bar) {
    return new LoadProgress() {
      @Override
      public void advanced(long doneBytes, long totalBytes) {
        if (output.showsProgress()) {
          bar.update(doneBytes, totalBytes, System.nanoTime());
        }
      }

      @Override
      public void planned(MemoryPlan plan) {
        if (output.debug()) {
          context.console().message("plan: " + describe(plan));
        }
      }
    };
  }

  private static String describe(MemoryPlan plan) {
    return "weights %s, KV cache %s for %d tokens (%s a layer), scratch %s"
        .formatted(
            Quantities.bytes(plan.weightByteSize()),
            Quantities.bytes(plan.cacheByteSize()),
            plan.tokens(),
            Quantities.bytes(plan.cacheByteSize() / plan.layers()),
            Quantities.bytes(plan.scratchByteSize()));
  }
}
