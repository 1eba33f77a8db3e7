namespace Rag.Ingestion.Parsing;

/// <summary>The bounds of parsing; configuration section Ingestion:Parsing.</summary>
internal sealed class ParsingOptions
{
    /// <summary>A larger file is refused unread as too_large; bytes.</summary>
    public long MaxFileBytes { get; set; } = 100_000_000;

    /// <summary>A document whose extracted text is longer is refused as too_large; UTF-16 code units.</summary>
    public int MaxTextChars { get; set; } = 20_000_000;

    /// <summary>Wall-clock time that one document may take; the parser process is then ended. Milliseconds.</summary>
    public int TimeoutMs { get; set; } = 60_000;

    /// <summary>Managed heap of one parser process; bytes.</summary>
    public long WorkerMemoryBytes { get; set; } = 1L << 30;

    /// <summary>Parser processes at a time; 0 means two, or one on a single core.</summary>
    public int Workers { get; set; }

    /// <summary>Documents after which a parser process is replaced by a fresh one.</summary>
    public int WorkerDocuments { get; set; } = 500;

    /// <summary>
    /// Program and arguments that start a parser process; empty means this executable, or rag.dll beside it, with the
    /// argument parse-worker.
    /// </summary>
    public string[] WorkerCommand { get; set; } = [];
}
