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

  private static final ValueLayout.OfLong ADDRESS = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfLong SIZE = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

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
    version = bind(SIZE, "cublasLtGetVersion");
    create = bind(INT, "cublasLtCreate", ADDRESS);
    destroy = bind(INT, "cublasLtDestroy", ADDRESS);
    createDescription = bind(INT, "cublasLtMatmulDescCreate", ADDRESS, INT, INT);
    describe = bind(INT, "cublasLtMatmulDescSetAttribute", ADDRESS, INT, ADDRESS, SIZE);
    destroyDescription = bind(INT, "cublasLtMatmulDescDestroy", ADDRESS);
    createLayout = bind(INT, "cublasLtMatrixLayoutCreate", ADDRESS, INT, SIZE, SIZE, SIZE);
    destroyLayout = bind(INT, "cublasLtMatrixLayoutDestroy", ADDRESS);
    createPreference = bind(INT, "cublasLtMatmulPreferenceCreate", ADDRESS);
    prefer = bind(INT, "cublasLtMatmulPreferenceSetAttribute", ADDRESS, INT, ADDRESS, SIZE);
    destroyPreference = bind(INT, "cublasLtMatmulPreferenceDestroy", ADDRESS);
    choose =
        bind(
            INT,
            "cublasLtMatmulAlgoGetHeuristic",
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            INT,
            ADDRESS,
            ADDRESS);
    multiply =
        bind(
            INT,
            "cublasLtMatmul",
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            SIZE,
            ADDRESS);
  }

  @SuppressWarnings("restricted")
  private MethodHandle bind(MemoryLayout result, String name, MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(result, parameters));
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
