package io.vquant.kernels.cuda.driver;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/** JCuda's handles as numbers, and back: it keeps them protected, so each is a subclass. */
final class Addresses {
  private Addresses() {}

  /** An address on the device; a call may replace it. */
  static final class Device extends CUdeviceptr {
    Device(long address) {
      super(new CUdeviceptr(), address);
    }

    long address() {
      return getNativePointer() + getByteOffset();
    }
  }

  /** An address in host memory; a call may replace it. */
  static final class Host extends Pointer {
    Host(long address) {
      super(address);
    }

    static Host of(MemorySegment segment) {
      return new Host(segment.address());
    }

    long address() {
      return getNativePointer();
    }
  }

  /** A stream that shows its handle. */
  static final class Stream extends CUstream {
    long handle() {
      return getNativePointer();
    }
  }

  /** A function that shows its handle. */
  static final class Function extends CUfunction {
    long handle() {
      return getNativePointer();
    }
  }
}
