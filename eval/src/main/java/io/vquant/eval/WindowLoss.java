package io.vquant.eval;

/**
 * The loss of one window.
 *
 * @param scoredTokens how many tokens were scored
 * @param nllSum sum of their negative log-likelihoods, in nats
 * @param nllSquareSum sum of the squares
 */
public record WindowLoss(int scoredTokens, double nllSum, double nllSquareSum) {

  /** Sums the losses of single tokens. */
  public static WindowLoss of(double[] negativeLogLikelihoods) {
    double sum = 0;
    double squares = 0;
    for (double nll : negativeLogLikelihoods) {
      sum += nll;
      squares += nll * nll;
    }
    return new WindowLoss(negativeLogLikelihoods.length, sum, squares);
  }
}
