using Rag.Foundation;

namespace Rag.Slo;

/// <summary>Section <c>Slo</c>. The objectives themselves are the runbook's.</summary>
internal sealed class SloOptions : IValidatedOptions
{
    public string Section => "Slo";

    /// <summary>How long counts and use by the minute are kept, days: the runbook's retention of metrics.</summary>
    public int KeepDays { get; set; } = 90;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeepDays is < Objectives.WindowDays or > 3_650) yield return new("Slo:KeepDays", $"{KeepDays} is out of range", $"choose {Objectives.WindowDays} to 3650");
    }
}
