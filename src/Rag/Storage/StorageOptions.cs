using Rag.Foundation;

namespace Rag.Storage;

/// <summary>Section <c>Storage</c>.</summary>
internal sealed class StorageOptions : IValidatedOptions
{
    public string Section => "Storage";

    /// <summary>The engine that holds the record: <c>sqlite</c>.</summary>
    public string Provider { get; set; } = "sqlite";

    /// <summary>Directory of everything this process keeps: record, index, lock.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>How long a statement waits for a lock that another connection holds, milliseconds.</summary>
    public int BusyTimeoutMs { get; set; } = 10_000;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Provider != "sqlite") yield return new("Storage:Provider", $"'{Provider}' is not an engine of this release", "set it to sqlite");
        if (string.IsNullOrWhiteSpace(DataDirectory)) yield return new("Storage:DataDirectory", "is empty", "name a directory that this process may write to");
        if (BusyTimeoutMs is < 1 or > 600_000) yield return new("Storage:BusyTimeoutMs", $"{BusyTimeoutMs} is out of range", "choose 1 to 600000");
    }
}
