using Rag.Foundation;

namespace Rag.Access;

/// <summary>Section <c>Access</c>.</summary>
internal sealed class AccessOptions : IValidatedOptions
{
    public string Section => "Access";

    /// <summary><c>open</c>: whoever reaches the server may do everything. On loopback addresses only.</summary>
    public string Mode { get; set; } = "open";

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Mode != "open") yield return new("Access:Mode", $"'{Mode}' is not a mode of this release", "set it to open");
    }
}
