using Rag.Foundation;

namespace Rag.Answering;

/// <summary>Section <c>Answering</c>.</summary>
internal sealed class AnsweringOptions : IValidatedOptions
{
    public string Section => "Answering";

    /// <summary>Bound of the provenance that waits on disk while the record is away, mebibytes; the oldest goes first.</summary>
    public int SpoolMb { get; set; } = 256;

    /// <summary>How long is kept where answers came from, days; 0: for good.</summary>
    public int KeepDays { get; set; }

    public IEnumerable<ConfigurationError> Validate()
    {
        if (SpoolMb is < 1 or > 1_048_576) yield return new("Answering:SpoolMb", $"{SpoolMb} is out of range", "choose 1 to 1048576");
        if (KeepDays is < 0 or > 36_500) yield return new("Answering:KeepDays", $"{KeepDays} is out of range", "choose 1 to 36500, or 0 to keep provenance for good");
    }
}
