package io.vquant.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * What reading every value of a tensor has shown. Integers and booleans have no bad values and are
 * not read.
 *
 * @param nanCount elements that are not a number
 * @param infinityCount elements that are an infinity of either sign
 */
public record TensorScan(StoredTensor tensor, long nanCount, long infinityCount) {
  private static final long CHUNK_BYTES = 1L << 24;

  /** Whether all values are finite numbers. */
  public boolean isFinite() {
    return nanCount == 0 && infinityCount == 0;
  }

  /** Reads one tensor. */
  public static TensorScan of(StoredTensor tensor) {
    return new Scanner(tensor.byteSize(), ReadProgress.NONE).scan(tensor);
  }

  /**
   * Reads all tensors of a store on the calling thread.
   *
   * @param progress told at least every 16 MiB
   * @return one scan a tensor, sorted by name
   */
  public static List<TensorScan> ofAll(WeightStore store, ReadProgress progress) {
    Scanner scanner = new Scanner(store.byteSize(), progress);
    List<TensorScan> scans = new ArrayList<>();
    for (StoredTensor tensor : store.tensors()) {
      scans.add(scanner.scan(tensor));
    }
    return List.copyOf(scans);
  }

  /**
   * One pass over bytes. A value is not finite when all its exponent bits are set; it is then NaN
   * if a mantissa bit is set too, and an infinity if none is. F8_E4M3 fits in with an "exponent" of
   * seven bits: 0x7f and 0xff are its only values that are not finite, and they are NaN.
   */
  private static final class Scanner {
    private final long totalBytes;
    private final ReadProgress progress;
    private long doneBytes;
    private long nanCount;
    private long infinityCount;

    Scanner(long totalBytes, ReadProgress progress) {
      this.totalBytes = totalBytes;
      this.progress = progress;
    }

    TensorScan scan(StoredTensor tensor) {
      nanCount = 0;
      infinityCount = 0;
      if (tensor.type().isFloatingPoint()) {
        for (long start = 0; start < tensor.byteSize(); start += CHUNK_BYTES) {
          long byteSize = Math.min(CHUNK_BYTES, tensor.byteSize() - start);
          scanChunk(tensor.type(), tensor.data().asSlice(start, byteSize));
          advance(byteSize);
        }
      } else {
        advance(tensor.byteSize());
      }
      return new TensorScan(tensor, nanCount, infinityCount);
    }

    private void advance(long byteSize) {
      doneBytes += byteSize;
      progress.advanced(doneBytes, totalBytes);
    }

    private void scanChunk(ElementType type, MemorySegment chunk) {
      switch (type) {
        case F8_E5M2 -> scanBytes(chunk, 0x7c, 0x03);
        case F8_E4M3 -> scanBytes(chunk, 0x7f, 0x07);
        case F16 -> scanShorts(chunk, 0x7c00, 0x03ff);
        case BF16 -> scanShorts(chunk, 0x7f80, 0x007f);
        case F32 -> scanInts(chunk, 0x7f80_0000, 0x007f_ffff);
        case F64 -> scanLongs(chunk, 0x7ff0_0000_0000_0000L, 0x000f_ffff_ffff_ffffL);
        case BOOL, U8, I8, I16, U16, I32, U32, I64, U64 ->
            throw new IllegalArgumentException(type + " has only finite values");
      }
    }

    private void scanBytes(MemorySegment chunk, int exponent, int mantissa) {
      for (long offset = 0; offset < chunk.byteSize(); offset++) {
        int bits = chunk.get(ValueLayout.JAVA_BYTE, offset);
        if ((bits & exponent) == exponent) {
          count((bits & mantissa) != 0);
        }
      }
    }

    private void scanShorts(MemorySegment chunk, int exponent, int mantissa) {
      for (long offset = 0; offset < chunk.byteSize(); offset += Short.BYTES) {
        int bits = chunk.get(ElementReader.SHORT, offset);
        if ((bits & exponent) == exponent) {
          count((bits & mantissa) != 0);
        }
      }
    }

    private void scanInts(MemorySegment chunk, int exponent, int mantissa) {
      for (long offset = 0; offset < chunk.byteSize(); offset += Integer.BYTES) {
        int bits = chunk.get(ElementReader.INT, offset);
        if ((bits & exponent) == exponent) {
          count((bits & mantissa) != 0);
        }
      }
    }

    private void scanLongs(MemorySegment chunk, long exponent, long mantissa) {
      for (long offset = 0; offset < chunk.byteSize(); offset += Long.BYTES) {
        long bits = chunk.get(ElementReader.LONG, offset);
        if ((bits & exponent) == exponent) {
          count((bits & mantissa) != 0);
        }
      }
    }

    private void count(boolean nan) {
      if (nan) {
        nanCount++;
      } else {
        infinityCount++;
      }
    }
  }
}
