using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Rag.Foundation;
using Rag.Inference;
using Shouldly;
using Xunit;

namespace Rag.Tests.Inference;

public sealed class EmbedderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("rag-model");

    public void Dispose() => _folder.Delete(recursive: true);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Embedder Create(InferenceOptions options) =>
        new(options, TimeProvider.System, NullLogger<Embedder>.Instance);

    private void Copy(string file) => File.Copy(Path.Combine(ReferenceVectors.ModelFolder, file), Path.Combine(_folder.FullName, file));

    [Fact]
    public async Task The_shipped_model_is_found_warmed_and_used_without_configuration()
    {
        using var embedder = Create(new InferenceOptions());
        await embedder.WarmAsync(Cancel);
        embedder.Available.ShouldBeTrue();
        embedder.UnavailableReason.ShouldBeNull();
        embedder.ModelId.ShouldBe("all-MiniLM-L6-v2.int8@" + Sha256.Hex(File.ReadAllBytes(ReferenceVectors.ModelFile))[..12]);
        embedder.Dimensions.ShouldBe(384);
        embedder.MaxTokens.ShouldBe(254);
        embedder.CountTokens("don't").ShouldBe(3);
        float[] query = await embedder.EmbedQueryAsync("What clears the cache?", Cancel);
        var texts = await embedder.EmbedAsync(["Weather in spring.", "Run rag cache clear to empty the cache."], Cancel);
        ReferenceVectors.Cosine(query, texts[1]).ShouldBeGreaterThan(ReferenceVectors.Cosine(query, texts[0]) + 0.3f);
    }

    [Fact]
    public async Task A_missing_folder_means_no_model_and_approximate_counts()
    {
        using var embedder = Create(new InferenceOptions { ModelPath = Path.Combine(_folder.FullName, "absent") });
        await embedder.WarmAsync(Cancel);
        embedder.Available.ShouldBeFalse();
        embedder.ModelId.ShouldBeNull();
        embedder.Dimensions.ShouldBe(0);
        embedder.UnavailableReason.ShouldNotBeNull().ShouldContain("no model (.onnx)");
        embedder.CountTokens("approximate").ShouldBe(3);
        var e = await Should.ThrowAsync<RagException>(embedder.EmbedQueryAsync("a", Cancel));
        e.Kind.ShouldBe(ErrorKind.Unavailable);
        e.Remedy.ShouldNotBeEmpty();
    }

    [Fact]
    public void A_truncated_model_is_unavailable_with_its_reason()
    {
        Copy("vocab.txt");
        byte[] bytes = File.ReadAllBytes(ReferenceVectors.ModelFile);
        File.WriteAllBytes(Path.Combine(_folder.FullName, "m.onnx"), bytes[..(bytes.Length / 2)]);
        using var embedder = Create(new InferenceOptions { ModelPath = _folder.FullName });
        embedder.Available.ShouldBeFalse();
        embedder.UnavailableReason.ShouldNotBeNull().ShouldContain("m.onnx cannot be loaded");
        embedder.CountTokens("don't").ShouldBe(3);
    }

    [Fact]
    public void A_model_without_its_vocabulary_is_unavailable_with_its_reason()
    {
        Copy("all-MiniLM-L6-v2.int8.onnx");
        using var embedder = Create(new InferenceOptions { ModelPath = _folder.FullName });
        embedder.Available.ShouldBeFalse();
        embedder.UnavailableReason.ShouldNotBeNull().ShouldContain("vocab.txt");
    }

    [Fact]
    public void Two_models_in_a_folder_are_one_too_many()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "a.onnx"), "");
        File.WriteAllText(Path.Combine(_folder.FullName, "b.onnx"), "");
        using var embedder = Create(new InferenceOptions { ModelPath = _folder.FullName });
        embedder.UnavailableReason.ShouldNotBeNull().ShouldContain("2 models");
    }

    [Fact]
    public void Embeddings_can_be_turned_off()
    {
        using var embedder = Create(new InferenceOptions { Provider = InferenceOptions.None });
        embedder.Available.ShouldBeFalse();
        embedder.UnavailableReason.ShouldNotBeNull().ShouldContain("turned off");
        embedder.CountTokens("don't").ShouldBe(3);
    }

    [Fact]
    public async Task An_endpoint_serves_as_the_model_is_and_is_named_by_address_model_and_length()
    {
        await using var server = await OpenAiServer.StartAsync();
        using var embedder = Create(server.Options());
        embedder.ModelId.ShouldBe($"{new Uri(server.Endpoint).Authority}/test-embedding#4");
        (await embedder.EmbedQueryAsync("abc", Cancel)).Length.ShouldBe(4);
        (await embedder.EmbedAsync(["a", "b", "c", "d"], Cancel)).Length.ShouldBe(4);
        embedder.CountTokens("don't").ShouldBe(3);
    }

    [Fact]
    public void Every_error_of_the_configuration_is_reported_at_once()
    {
        var settings = new Dictionary<string, string?>
        {
            ["Inference:Provider"] = "openai",
            ["Inference:Threads"] = "0",
            ["Inference:Endpoint"] = "ftp://somewhere",
            ["Inference:TimeoutMs"] = "1",
            ["Inference:BatchSize"] = "0",
            ["Inference:ApiKeyFile"] = Path.Combine(_folder.FullName, "absent"),
        };
        var sections = new ConfigurationSections(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        var services = new ServiceCollection();
        services.AddSection<ServerOptions>(sections);
        services.AddInference(sections);
        var e = Should.Throw<ConfigurationException>(sections.ThrowIfWrong);
        foreach (string key in new[] { "Threads", "Endpoint", "Model", "Dimensions", "TimeoutMs", "BatchSize", "ApiKeyFile" })
            e.Errors.ShouldContain(error => error.Key == $"Inference:{key}", key);
    }

    [Fact]
    public void A_key_comes_from_its_file_without_the_line_end()
    {
        string file = Path.Combine(_folder.FullName, "key");
        File.WriteAllText(file, "from-file\n");
        new InferenceOptions { ApiKeyFile = file }.ReadApiKey().ShouldBe("from-file");
        new InferenceOptions { ApiKey = "given" }.ReadApiKey().ShouldBe("given");
        new InferenceOptions().ReadApiKey().ShouldBeNull();
    }
}
