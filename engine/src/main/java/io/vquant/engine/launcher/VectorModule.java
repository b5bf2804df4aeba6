package io.vquant.engine.launcher;

import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.lang.reflect.Method;
import java.net.URI;

/**
 * Opens the Vector API, an incubator module that {@code java -jar} leaves out and that prints a
 * warning when it is asked for by an option.
 */
final class VectorModule {
  static final String NAME = "jdk.incubator.vector";

  private VectorModule() {}

  /** Whether this process was started with the module, warning and all. */
  static boolean isGivenAsOption() {
    for (Module module : ModuleLayer.boot().modules()) {
      if (NAME.equals(module.getName())) {
        return true;
      }
    }
    return false;
  }

  /**
   * Makes the module readable to the engine's classes; to be called before any class that uses it
   * loads.
   *
   * <p>The boot class loader defines it, so that HotSpot compiles its operations as if the module
   * had been there from the start. Range checks of vector loads and stores are switched off, since
   * the kernels check whole ranges once, before their loops.
   *
   * @return false when this Java has no such module or does not open it this way
   */
  static boolean open() {
    System.setProperty(NAME + ".VECTOR_ACCESS_OOB_CHECK", "0");
    try {
      if (!isGivenAsOption()) {
        define();
      }
      Class.forName(NAME + ".Vector", false, ClassLoader.getSystemClassLoader());
      return true;
    } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
      return false;
    }
  }

  /**
   * What {@code jdk.internal.module.Modules.loadModule} does, for a module that needs {@code
   * java.base} alone: resolving and a layer of its own would cost more than all the rest. The jar's
   * manifest exports the two packages to us.
   */
  private static void define() throws ReflectiveOperationException {
    Class<?> modules = Class.forName("jdk.internal.module.Modules");
    Class<?> bootLoader = Class.forName("jdk.internal.loader.BootLoader");
    Method defineModule =
        modules.getMethod("defineModule", ClassLoader.class, ModuleDescriptor.class, URI.class);
    Method loadModule = bootLoader.getMethod("loadModule", ModuleReference.class);
    Method addReads = modules.getMethod("addReads", Module.class, Module.class);
    Method export = modules.getMethod("addExports", Module.class, String.class);
    Method exportTo = modules.getMethod("addExports", Module.class, String.class, Module.class);

    Module base = Object.class.getModule();
    ModuleReference reference = ModuleFinder.ofSystem().find(NAME).orElseThrow();
    ModuleDescriptor descriptor = reference.descriptor();
    Object module = defineModule.invoke(null, null, descriptor, reference.location().orElseThrow());
    loadModule.invoke(null, reference);
    addReads.invoke(null, module, base);
    for (ModuleDescriptor.Exports exports : descriptor.exports()) {
      export.invoke(null, module, exports.source());
    }
    for (ModuleDescriptor.Exports exports : base.getDescriptor().exports()) {
      if (exports.targets().contains(NAME)) {
        exportTo.invoke(null, base, exports.source(), module);
      }
    }
  }
}
