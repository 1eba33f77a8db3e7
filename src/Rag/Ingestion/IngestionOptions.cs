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

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeepVersions is < 1 or > 1000) yield return new("Ingestion:KeepVersions", $"{KeepVersions} is out of range", "choose 1 to 1000");
        if (Parallelism is < 1 or > 64) yield return new("Ingestion:Parallelism", $"{Parallelism} is out of range", "choose 1 to 64");
    }
}
