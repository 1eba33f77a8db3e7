using Rag.Foundation;

namespace Rag.Runbook;

/// <summary>Section <c>Runbook</c>.</summary>
internal sealed class RunbookOptions : IValidatedOptions
{
    public string Section => "Runbook";

    /// <summary>How long runs are kept, days: seven years, as the runbook keeps what is audited.</summary>
    public int KeepDays { get; set; } = 2_557;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (KeepDays is < 1 or > 36_500) yield return new("Runbook:KeepDays", $"{KeepDays} is out of range", "choose 1 to 36500");
    }
}
