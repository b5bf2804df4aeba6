package io.vquant.model;

import io.vquant.kernels.tensor.Tensor;
import java.util.Map;
import java.util.TreeMap;

/** Keeps a copy of every hidden state of a pass. */
public final class HiddenStates implements ForwardListener {
  private final Map<Integer, float[][]> byIndex = new TreeMap<>();

  @Override
  public boolean wantsHiddenStates() {
    return true;
  }

  @Override
  public void hiddenState(int index, Tensor rows) {
    byIndex.put(index, Rows.copy(rows));
  }

  public Map<Integer, float[][]> byIndex() {
    return byIndex;
  }
}
