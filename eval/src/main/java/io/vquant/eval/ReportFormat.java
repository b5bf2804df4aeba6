package io.vquant.eval;

/** How a {@link ReportTable} is written. */
public enum ReportFormat {
  /** A Markdown table with aligned columns. */
  MD("md"),
  /** One header line, one line a row, quoted where needed (RFC 4180). */
  CSV("csv"),
  /** One JSON array. */
  JSON("json"),
  /** One JSON object a line. */
  JSONL("jsonl");

  private final String label;

  ReportFormat(String label) {
    this.label = label;
  }

  /** The name as a user writes it. */
  public String label() {
    return label;
  }
}
