using Rag.Foundation;
using Rag.Ingestion.Parsing;

namespace Rag.Ingestion;

/// <summary>Section <c>Ingestion</c>.</summary>
internal sealed class IngestionOptions : IValidatedOptions
{
    public string Section => "Ingestion";

    /// <summary>Earlier versions of a document whose text is kept, so that old answers still show their sources.</summary>
    public int KeepVersions { get; set; } = 10;

    /// <summary>Documents parsed at the same time.</summary>
    public int Parallelism { get; set; } = Math.Min(4, Environment.ProcessorCount);

    /// <summary>Bounds of parsing one file: section <c>Ingestion:Parsing</c>.</summary>
    public ParsingOptions Parsing { get; set; } = new();

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeepVersions is < 1 or > 1000) yield return new("Ingestion:KeepVersions", $"{KeepVersions} is out of range", "choose 1 to 1000");
        if (Parallelism is < 1 or > 64) yield return new("Ingestion:Parallelism", $"{Parallelism} is out of range", "choose 1 to 64");
        if (Parsing.MaxFileBytes is < 1 or > 2_000_000_000) yield return new("Ingestion:Parsing:MaxFileBytes", $"{Parsing.MaxFileBytes} is out of range", "choose 1 to 2000000000");
        if (Parsing.MaxTextChars is < 1 or > 500_000_000) yield return new("Ingestion:Parsing:MaxTextChars", $"{Parsing.MaxTextChars} is out of range", "choose 1 to 500000000");
        if (Parsing.TimeoutMs is < 1 or > 3_600_000) yield return new("Ingestion:Parsing:TimeoutMs", $"{Parsing.TimeoutMs} is out of range", "choose 1 to 3600000");
        if (Parsing.WorkerMemoryBytes < 64L << 20) yield return new("Ingestion:Parsing:WorkerMemoryBytes", $"{Parsing.WorkerMemoryBytes} is too little for a parser", "choose at least 67108864 (64 MiB)");
        if (Parsing.Workers is < 0 or > 64) yield return new("Ingestion:Parsing:Workers", $"{Parsing.Workers} is out of range", "choose 0 to 64");
        if (Parsing.WorkerDocuments < 1) yield return new("Ingestion:Parsing:WorkerDocuments", $"{Parsing.WorkerDocuments} is out of range", "choose 1 or more");
    }
}
