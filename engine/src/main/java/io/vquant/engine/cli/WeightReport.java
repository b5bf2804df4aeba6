package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.model.loading.WeightMemory;

/** What reports tell of an engine's weights. */
final class WeightReport {
  private WeightReport() {}

  /** Scheme and memory of the weights, in a line. */
  static String line(Engine engine) {
    WeightMemory memory = engine.weightMemory();
    String outliers = memory.outliers() == 0 ? "" : ", " + memory.outliers() + " outliers";
    return "%s, %s bits a weight, %s%s"
        .formatted(
            name(engine),
            Quantities.decimal(memory.bitsPerWeight(), 2),
            Quantities.bytes(memory.byteSize()),
            outliers);
  }

  /** How an engine's weights are kept: a policy, or {@code as stored}. */
  static String name(Engine engine) {
    return engine.weights().quantizes() ? engine.weights().toString() : "as stored";
  }
}
