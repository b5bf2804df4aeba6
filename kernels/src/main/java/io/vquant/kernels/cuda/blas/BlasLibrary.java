package io.vquant.kernels.cuda.blas;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/** The functions of {@code libcublasLt} that a product needs; all take addresses as numbers. */
public final class BlasLibrary {
  private static final List<String> FILES =
      List.of("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11");

  private final SymbolLookup symbols;
  private final MethodHandle version;
  final MethodHandle create;
  final MethodHandle destroy;
  final MethodHandle createDescription;
  final MethodHandle describe;
  final MethodHandle destroyDescription;
  final MethodHandle createLayout;
  final MethodHandle destroyLayout;
  final MethodHandle createPreference;
  final MethodHandle prefer;
  final MethodHandle destroyPreference;
  final MethodHandle choose;
  final MethodHandle multiply;

  private BlasLibrary(SymbolLookup symbols) {
    this.symbols = symbols;
    version = bind("cublasLtGetVersion", "", ValueLayout.JAVA_LONG);
    create = bind("cublasLtCreate", "J");
    destroy = bind("cublasLtDestroy", "J");
    createDescription = bind("cublasLtMatmulDescCreate", "JII");
    describe = bind("cublasLtMatmulDescSetAttribute", "JIJJ");
    destroyDescription = bind("cublasLtMatmulDescDestroy", "J");
    createLayout = bind("cublasLtMatrixLayoutCreate", "JIJJJ");
    destroyLayout = bind("cublasLtMatrixLayoutDestroy", "J");
    createPreference = bind("cublasLtMatmulPreferenceCreate", "J");
    prefer = bind("cublasLtMatmulPreferenceSetAttribute", "JIJJ");
    destroyPreference = bind("cublasLtMatmulPreferenceDestroy", "J");
    choose = bind("cublasLtMatmulAlgoGetHeuristic", "JJJJJJJIJJ");
    multiply = bind("cublasLtMatmul", "JJJJJJJJJJJJJJJJ");
  }

  /** A function that returns a cublasStatus_t. */
  private MethodHandle bind(String name, String parameters) {
    return bind(name, parameters, ValueLayout.JAVA_INT);
  }

  /**
   * A function.
   *
   * @param parameters a letter each: J for addresses and sizes, I for int and enumerations
   */
  @SuppressWarnings("restricted")
  private MethodHandle bind(String name, String parameters, MemoryLayout result) {
    MemoryLayout[] layouts = new MemoryLayout[parameters.length()];
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] = parameters.charAt(i) == 'J' ? ValueLayout.JAVA_LONG : ValueLayout.JAVA_INT;
    }
    return Linker.nativeLinker()
        .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(result, layouts));
  }

  /** The newest one that the dynamic linker finds, loaded for good; empty where there is none. */
  @SuppressWarnings("restricted")
  public static Optional<BlasLibrary> load() {
    for (String file : FILES) {
      try {
        return Optional.of(new BlasLibrary(SymbolLookup.libraryLookup(file, Arena.global())));
      } catch (IllegalArgumentException absent) {
        // the next name
      }
    }
    return Optional.empty();
  }

  /** {@code cuBLASLt 13.1.0}. */
  public String name() {
    long number;
    try {
      number = (long) version.invokeExact();
    } catch (Throwable failure) {
      throw new IllegalStateException("cublasLtGetVersion", failure);
    }
    return "cuBLASLt %d.%d.%d".formatted(number / 10000, number / 100 % 100, number % 100);
  }
}
