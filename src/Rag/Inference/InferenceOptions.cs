using Rag.Foundation;

namespace Rag.Inference;

/// <summary>Section <c>Inference</c>: where embeddings come from.</summary>
internal sealed class InferenceOptions : IValidatedOptions
{
    public string Section => "Inference";

    public const string Local = "local", OpenAi = "openai", None = "none";

    /// <summary>
    /// <c>local</c>: the ONNX model in <see cref="ModelPath"/>. <c>openai</c>: an OpenAI-compatible endpoint.
    /// <c>none</c>: no embeddings, lexical retrieval only.
    /// </summary>
    public string Provider { get; set; } = Local;

    /// <summary>Folder with one <c>.onnx</c> file and its <c>vocab.txt</c>; the vocabulary sizes chunks for every provider.</summary>
    public string ModelPath { get; set; } = Path.Combine(AppContext.BaseDirectory, "models", "all-MiniLM-L6-v2");

    /// <summary>Cores that embedding may use (1–256); queries may use as many again beside a running ingest.</summary>
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>Base address of the endpoint, up to and with its version: <c>https://host/v1</c>.</summary>
    public string? Endpoint { get; set; }

    /// <summary>The model's name at the endpoint.</summary>
    public string? Model { get; set; }

    /// <summary>Length of the endpoint's vectors (1–8192); a vector of another length is refused.</summary>
    public int Dimensions { get; set; }

    /// <summary>Whether requests ask for <see cref="Dimensions"/>; only for models that can shorten their vectors.</summary>
    public bool RequestDimensions { get; set; }

    /// <summary>File with the endpoint's key, surrounding white space left out. Neither this nor ApiKey: no key is needed.</summary>
    public string? ApiKeyFile { get; set; }

    /// <summary>The key itself, meant for the environment (<c>RAG__Inference__ApiKey</c>); never logged or shown.</summary>
    public string? ApiKey { get; set; }

    /// <summary>The most that one request to the endpoint may take, retries included (100–600,000 ms).</summary>
    public int TimeoutMs { get; set; } = 30_000;

    /// <summary>How often a request that met 408, 429, 5xx or a broken connection is sent again (0–10).</summary>
    public int Retries { get; set; } = 2;

    /// <summary>Texts in one request to the endpoint (1–2048).</summary>
    public int BatchSize { get; set; } = 64;

    /// <summary>Everything that is wrong, each with its key and the remedy; empty where all is well.</summary>
    public IEnumerable<ConfigurationError> Validate()
    {
        if (Provider is not (Local or OpenAi or None))
            yield return new("Inference:Provider", $"is \"{Provider}\"", "set it to local, openai or none");
        if (Threads is < 1 or > 256)
            yield return new("Inference:Threads", $"is {Threads}", "set it to 1–256, or leave it out for one a core");
        if (string.IsNullOrWhiteSpace(ModelPath))
            yield return new("Inference:ModelPath", "is empty", "set it to the model's folder, or leave it out for the one that ships");
        if (Provider != OpenAi) yield break;

        if (!Uri.TryCreate(Endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            yield return new("Inference:Endpoint", "is not an http(s) address", "set it to the endpoint's base, such as https://host/v1");
        else if (uri.UserInfo.Length > 0 || uri.Query.Length > 0)
            yield return new("Inference:Endpoint", "holds a user, password or query", "put the key into Inference:ApiKeyFile instead");
        if (string.IsNullOrWhiteSpace(Model))
            yield return new("Inference:Model", "is missing", "set it to the embedding model's name at the endpoint");
        if (Dimensions is < 1 or > 8192)
            yield return new("Inference:Dimensions", $"is {Dimensions}", "set it to the length of the model's vectors (1–8192)");
        if (TimeoutMs is < 100 or > 600_000)
            yield return new("Inference:TimeoutMs", $"is {TimeoutMs}", "set it to 100–600000");
        if (Retries is < 0 or > 10)
            yield return new("Inference:Retries", $"is {Retries}", "set it to 0–10");
        if (BatchSize is < 1 or > 2048)
            yield return new("Inference:BatchSize", $"is {BatchSize}", "set it to 1–2048");
        if (ApiKeyFile is not null && ApiKey is not null)
            yield return new("Inference:ApiKeyFile", "and Inference:ApiKey are both set", "leave one out");
        if (ApiKeyFile is not null && !File.Exists(ApiKeyFile))
            yield return new("Inference:ApiKeyFile", $"names {ApiKeyFile}, which does not exist", "create it or leave the key out");
    }

    /// <summary>The key, or null where none is configured.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? ReadApiKey()
    {
        string? key = ApiKeyFile is null ? ApiKey : File.ReadAllText(ApiKeyFile);
        return string.IsNullOrWhiteSpace(key) ? null : key.Trim();
    }
}
