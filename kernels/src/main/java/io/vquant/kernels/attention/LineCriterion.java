package io.vquant.kernels.attention;

/** By what keys are ranked when vertical lines are chosen. */
public enum LineCriterion {
  /**
   * Mean squared softmax weight over the observation rows that see the key and the query heads of
   * the group: to first order the share of the output's error that the key causes.
   */
  SQUARED_WEIGHT,
  /** Mean softmax weight over the same. */
  WEIGHT,
  /** Euclidean norm of the key, less the mean of all keys. Needs no queries. */
  KEY_NORM
}
