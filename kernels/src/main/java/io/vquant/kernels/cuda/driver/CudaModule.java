package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import java.util.HashMap;
import java.util.Map;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** A loaded fatbin. */
public final class CudaModule implements AutoCloseable {
  private final String name;
  private final CUmodule handle = new CUmodule();
  private final Map<String, CudaFunction> functions = new HashMap<>();

  /**
   * Loads the image that fits the current device.
   *
   * @param name for messages
   * @throws CudaException if it holds none ({@code CUDA_ERROR_NO_BINARY_FOR_GPU})
   */
  public CudaModule(String name, byte[] fatbin) {
    this.name = name;
    check("cuModuleLoadData", JCudaDriver.cuModuleLoadData(handle, fatbin), name);
  }

  /** A kernel of this module, always the same object. */
  public CudaFunction function(String entry) {
    return functions.computeIfAbsent(entry, this::find);
  }

  private CudaFunction find(String entry) {
    Addresses.Function function = new Addresses.Function();
    check(
        "cuModuleGetFunction",
        JCudaDriver.cuModuleGetFunction(function, handle, entry),
        entry + " of " + name);
    return new CudaFunction(entry, function);
  }

  @Override
  public void close() {
    for (CudaFunction function : functions.values()) {
      function.close();
    }
    check("cuModuleUnload", JCudaDriver.cuModuleUnload(handle), name);
  }
}
