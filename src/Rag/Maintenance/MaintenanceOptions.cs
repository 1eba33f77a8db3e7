using Rag.Foundation;

namespace Rag.Maintenance;

/// <summary>Section <c>Maintenance</c>.</summary>
internal sealed class MaintenanceOptions : IValidatedOptions
{
    public string Section => "Maintenance";

    /// <summary>Where Alertmanager's interface is, such as http://127.0.0.1:9093; empty: announcing silences nothing.</summary>
    public string AlertmanagerUrl { get; set; } = "";

    public IEnumerable<ConfigurationError> Validate()
    {
        if (AlertmanagerUrl.Length > 0 && !(Uri.TryCreate(AlertmanagerUrl, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Maintenance:AlertmanagerUrl", $"'{AlertmanagerUrl}' is not an address", "write it as http://127.0.0.1:9093, or leave it empty");
    }
}
