package io.vquant.engine.launcher;

/**
 * Opens the Vector API, an incubator module that {@code java -jar} leaves out and that prints a
 * warning when it is asked for by an option.
 */
final class VectorModule {
  static final String NAME = "jdk.incubator.vector";

  private VectorModule() {}

  /** Whether this process was started with the module, warning and all. */
  static boolean isGivenAsOption() {
    return ModuleLayer.boot().findModule(NAME).isPresent();
  }

  /**
   * Makes the module readable to the engine's classes; to be called before any class that uses it
   * loads.
   *
   * <p>Loads it through {@code jdk.internal.module.Modules}, which the jar's manifest exports to
   * us: the built-in class loaders define it, so that HotSpot compiles its operations as if the
   * module had been there from the start. Range checks of vector loads and stores are switched off,
   * since the kernels check whole ranges once, before their loops.
   *
   * @return false when this Java has no such module or does not open it this way
   */
  static boolean open() {
    System.setProperty(NAME + ".VECTOR_ACCESS_OOB_CHECK", "0");
    try {
      if (!isGivenAsOption()) {
        Class.forName("jdk.internal.module.Modules")
            .getMethod("loadModule", String.class)
            .invoke(null, NAME);
      }
      Class.forName(NAME + ".Vector", false, ClassLoader.getSystemClassLoader());
      return true;
    } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
      return false;
    }
  }
}
