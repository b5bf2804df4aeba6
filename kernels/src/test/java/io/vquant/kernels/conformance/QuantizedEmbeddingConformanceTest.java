package io.vquant.kernels.conformance;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows of tables in codes: the bits of the scalar specification, outliers included. */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record QuantizedEmbeddingConformanceTest(TestBackend candidate) {

  static final List<QuantScheme> SCHEMES = QuantizedLinearConformanceTest.SCHEMES;

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void everyRowHasTheBitsOfTheSpecification(QuantScheme scheme) {
    try (KernelBackend backend = candidate.open();
        KernelBackend reference = new ReferenceBackend()) {
      for (int rows : new int[] {1, 63, 64, 65, 200}) {
        int columns = 3 * scheme.group();
        SplittableRandom random = new SplittableRandom(rows);
        float[] w = ValuePattern.NORMAL.draw(random, DType.BF16, rows * columns);
        Tensor dense = StoredMatrix.of(DType.BF16, rows, columns, w, false).tensor();
        QuantizedWeight table = reference.quantize(dense, scheme, QuantizeListener.NONE);
        // Every row once, the last one first, after an id that is not asked for.
        int[] ids = new int[rows + 1];
        float[] expected = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
          ids[i + 1] = rows - 1 - i;
          table.dequantizeRow(expected, i * columns, ids[i + 1]);
        }
        Activations out = Activations.output(backend, rows, columns, rows % 2 == 1);
        backend.embedding(table).forward(out.tensor(), ids, 1);
        Closeness.assertSameBits(
            () -> candidate + " " + scheme + " rows " + rows, out.read(), expected);
      }
    }
  }
}
