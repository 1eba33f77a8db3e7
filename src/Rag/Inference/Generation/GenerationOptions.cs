using Rag.Foundation;

namespace Rag.Inference.Generation;

/// <summary>Section <c>Generation</c>: which language model makes answers from the evidence, and how long it may take.</summary>
internal sealed class GenerationOptions : IValidatedOptions
{
    public string Section => "Generation";

    public const string None = "none", OpenAi = "openai", Ollama = "ollama";
    public const string Select = "select", Compose = "compose";

    /// <summary>What an answer without a model's part is.</summary>
    public const string Extractive = "extractive";

    public const string Schema = "schema", Json = "json", Text = "text";

    /// <summary>
    /// <c>none</c>: answers are extracted, no model is called. <c>openai</c>: an OpenAI-compatible endpoint.
    /// <c>ollama</c>: an Ollama server.
    /// </summary>
    public string Provider { get; set; } = None;

    /// <summary>Base address: <c>https://host/v1</c> for openai, <c>http://host:11434</c> for ollama.</summary>
    public string? Endpoint { get; set; }

    /// <summary>The model's name at the endpoint.</summary>
    public string? Model { get; set; }

    /// <summary>
    /// <c>select</c>: the model says which passages answer, and they are quoted word for word. <c>compose</c>: the model
    /// writes, and every sentence is checked against the passages that it cites.
    /// </summary>
    public string Mode { get; set; } = Select;

    /// <summary>
    /// Whether the model itself is asked, too, if what a composed sentence cites says it: after the product's own checks, and
    /// only to withhold more. A call for each sentence; only with compose.
    /// </summary>
    public bool Judge { get; set; }

    /// <summary>File with the endpoint's key, surrounding white space left out. Neither this nor ApiKey: no key is needed.</summary>
    public string? ApiKeyFile { get; set; }

    /// <summary>The key itself, meant for the environment (<c>RAG__Generation__ApiKey</c>); never logged or shown.</summary>
    public string? ApiKey { get; set; }

    /// <summary>How the endpoint is asked for JSON: by a <c>schema</c>, as <c>json</c> of any shape, or in words only (<c>text</c>).</summary>
    public string StructuredOutput { get; set; } = Schema;

    /// <summary>The model's context, tokens: prompt and answer together fit it by a conservative estimate (1,024–1,000,000).</summary>
    public int ContextTokens { get; set; } = 8_192;

    /// <summary>The most that the model may write, tokens (16–16,384).</summary>
    public int MaxOutputTokens { get; set; } = 1_024;

    /// <summary>Chunks that the model is shown, best first, where the context has room for them (1–50).</summary>
    public int Chunks { get; set; } = 12;

    /// <summary>The most until the model's first piece, retries included, milliseconds (50–600,000).</summary>
    public int FirstTokenMs { get; set; } = 1_500;

    /// <summary>The most between two of its pieces, milliseconds (50–600,000).</summary>
    public int StallMs { get; set; } = 1_500;

    /// <summary>The most that all calls for one answer may take, milliseconds; less than Server:QuestionTimeoutMs.</summary>
    public int TimeoutMs { get; set; } = 10_000;

    /// <summary>How often a call that met 408, 429, 5xx or a broken connection before its first piece is made again (0–10).</summary>
    public int Retries { get; set; } = 1;

    /// <summary>Calls at the same time; what comes on top is answered without the model (1–10,000).</summary>
    public int MaxCalls { get; set; } = 64;

    /// <summary>Failed calls within half a minute, at least half of all, after which the model is left alone (2–100,000).</summary>
    public int BreakerFailures { get; set; } = 5;

    /// <summary>How long it is left alone before one question tries it again, seconds (1–3,600).</summary>
    public int BreakerSeconds { get; set; } = 15;

    /// <summary>Whether there is a model to ask.</summary>
    internal bool Configured => Provider != None;

    /// <summary>What the whole question may take (Server:QuestionTimeoutMs); the slice's module sets it.</summary>
    internal int QuestionTimeoutMs { get; set; } = int.MaxValue;

    /// <summary>Everything that is wrong, each with its key and the remedy; empty where all is well.</summary>
    public IEnumerable<ConfigurationError> Validate()
    {
        if (Provider is not (None or OpenAi or Ollama))
            yield return new("Generation:Provider", $"is \"{Provider}\"", "set it to none, openai or ollama");
        if (Mode is not (Select or Compose))
            yield return new("Generation:Mode", $"is \"{Mode}\"", "set it to select or compose");
        if (StructuredOutput is not (Schema or Json or Text))
            yield return new("Generation:StructuredOutput", $"is \"{StructuredOutput}\"", "set it to schema, json or text");
        if (Provider is not (OpenAi or Ollama)) yield break;

        if (Judge && Mode != Compose)
            yield return new("Generation:Judge", $"is set, and Generation:Mode is \"{Mode}\"", "set the mode to compose: only what a model writes is judged");
        if (!Uri.TryCreate(Endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            yield return new("Generation:Endpoint", "is not an http(s) address", "set it to the endpoint's base, such as https://host/v1, or http://host:11434 for Ollama");
        else if (uri.UserInfo.Length > 0 || uri.Query.Length > 0)
            yield return new("Generation:Endpoint", "holds a user, password or query", "put the key into Generation:ApiKeyFile instead");
        if (string.IsNullOrWhiteSpace(Model))
            yield return new("Generation:Model", "is missing", "set it to the language model's name at the endpoint");
        if (ContextTokens is < 1_024 or > 1_000_000)
            yield return new("Generation:ContextTokens", $"is {ContextTokens}", "set it to the model's context (1024–1000000)");
        if (MaxOutputTokens is < 16 or > 16_384)
            yield return new("Generation:MaxOutputTokens", $"is {MaxOutputTokens}", "set it to 16–16384");
        else if (ContextTokens >= 1_024 && MaxOutputTokens > ContextTokens / 2)
            yield return new("Generation:MaxOutputTokens", $"is {MaxOutputTokens}, more than half of Generation:ContextTokens", "leave the passages at least half of the context");
        if (Chunks is < 1 or > 50)
            yield return new("Generation:Chunks", $"is {Chunks}", "set it to 1–50");
        foreach (var (name, value) in new[] { (nameof(FirstTokenMs), FirstTokenMs), (nameof(StallMs), StallMs), (nameof(TimeoutMs), TimeoutMs) })
            if (value is < 50 or > 600_000) yield return new($"Generation:{name}", $"is {value}", "set it to 50–600000");
        if (TimeoutMs >= QuestionTimeoutMs)
            yield return new("Generation:TimeoutMs", $"is {TimeoutMs}, and Server:QuestionTimeoutMs is {QuestionTimeoutMs}", "give the question more time than its model, or the model less");
        if (Retries is < 0 or > 10)
            yield return new("Generation:Retries", $"is {Retries}", "set it to 0–10");
        if (MaxCalls is < 1 or > 10_000)
            yield return new("Generation:MaxCalls", $"is {MaxCalls}", "set it to 1–10000");
        if (BreakerFailures is < 2 or > 100_000)
            yield return new("Generation:BreakerFailures", $"is {BreakerFailures}", "set it to 2–100000");
        if (BreakerSeconds is < 1 or > 3_600)
            yield return new("Generation:BreakerSeconds", $"is {BreakerSeconds}", "set it to 1–3600");
        if (ApiKeyFile is not null && ApiKey is not null)
            yield return new("Generation:ApiKeyFile", "and Generation:ApiKey are both set", "leave one out");
        if (ApiKeyFile is not null && !File.Exists(ApiKeyFile))
            yield return new("Generation:ApiKeyFile", $"names {ApiKeyFile}, which does not exist", "create it or leave the key out");
    }

    /// <summary>The key, or null where none is configured.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? ReadApiKey()
    {
        string? key = ApiKeyFile is null ? ApiKey : File.ReadAllText(ApiKeyFile);
        return string.IsNullOrWhiteSpace(key) ? null : key.Trim();
    }
}
