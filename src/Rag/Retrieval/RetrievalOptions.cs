using Rag.Foundation;

namespace Rag.Retrieval;

/// <summary>Section <c>Retrieval</c>.</summary>
internal sealed class RetrievalOptions : IValidatedOptions
{
    public string Section => "Retrieval";

    /// <summary>Chunks taken from each side, full text and vectors, before they are fused.</summary>
    public int Candidates { get; set; } = 200;

    /// <summary>The most results that a caller may ask for.</summary>
    public int MaxResults { get; set; } = 1000;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Candidates is < 10 or > 10_000) yield return new("Retrieval:Candidates", $"{Candidates} is out of range", "choose 10 to 10000");
        if (MaxResults is < 1 or > 10_000) yield return new("Retrieval:MaxResults", $"{MaxResults} is out of range", "choose 1 to 10000");
    }
}
