package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import java.util.ArrayList;
import java.util.List;

/** Engines that are open at once and are closed together. */
final class OpenEngines implements AutoCloseable {
  private final List<Engine> engines = new ArrayList<>();

  void add(Engine engine) {
    engines.add(engine);
  }

  List<Engine> all() {
    return List.copyOf(engines);
  }

  @Override
  public void close() {
    engines.forEach(Engine::close);
  }
}
