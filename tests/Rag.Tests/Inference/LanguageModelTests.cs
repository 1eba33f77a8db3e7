using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Rag.Foundation;
using Rag.Inference.Generation;
using Rag.Testing.Models;

namespace Rag.Tests.Inference;

/// <summary>What a model may do, over real HTTP, and what becomes of it.</summary>
public sealed class LanguageModelTests
{
    private static readonly ModelRequest Hello = new("You greet.", "Hello", null, null, 64);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_reply_comes_in_its_pieces_and_the_key_goes_along()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Tokens("Grüße aus der Halle 3 – 你好!", 3);
        using var model = Model(server);
        var pieces = await ReadAsync(model);
        pieces.Count.ShouldBeGreaterThan(3);
        string.Concat(pieces).ShouldBe("Grüße aus der Halle 3 – 你好!");
        server.Calls.ShouldHaveSingleItem().Authorization.ShouldBe("Bearer secret-key");
        model.Up.ShouldBeTrue();
    }

    [Fact]
    public async Task Bytes_that_cut_characters_in_two_make_the_same_text()
    {
        await using var server = await ScriptedModel.StartAsync();
        using var model = Model(server);
        foreach (int bytes in new[] { 1, 2, 3, 7 })
        {
            server.Script = _ => ModelReply.Say("Grüße – 你好, 𝔘nicode!") with { BytesAtATime = bytes };
            string.Concat(await ReadAsync(model)).ShouldBe("Grüße – 你好, 𝔘nicode!");
        }
    }

    [Fact]
    public async Task Ollama_is_asked_in_its_own_way()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = call => ModelReply.Tokens(call.User + " yourself");
        using var model = Model(server, o => (o.Provider, o.Endpoint) = (GenerationOptions.Ollama, server.OllamaEndpoint));
        string.Concat(await ReadAsync(model)).ShouldBe("Hello yourself");
        server.Calls.ShouldHaveSingleItem().System.ShouldBe("You greet.");
        server.Script = _ => ModelReply.Error(500);
        (await Should.ThrowAsync<RagException>(() => ReadAsync(model))).Message.ShouldBe("The language model answered 500.");
        server.Script = _ => ModelReply.Tokens("half", ending: Ending.Cut);
        (await Should.ThrowAsync<RagException>(() => ReadAsync(model))).Message.ShouldBe("The language model broke off in the middle.");
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "401", "The language model refused the key (401)." },
        { "403", "The language model refused the key (403)." },
        { "404", "The language model refused the request (404)." },
        { "429", "The language model is busy (429)." },
        { "500", "The language model answered 500." },
        { "302", "The language model refused the request (302)." },
        { "cut", "The language model broke off in the middle." },
        { "silent", "The language model broke off in the middle." },
        { "length", "The language model wrote more than Generation:MaxOutputTokens." },
        { "filtered", "The language model was stopped by its own filter." },
        { "endless", "The language model wrote more than Generation:MaxOutputTokens." },
        { "endless-bytes", "The language model sent more than an answer may have." },
        { "html", "The language model answered with a web page." },
        { "json", "The language model sent nothing that is an answer." },
        { "garbage", "The language model sent something that is no reply of a language model's." },
        { "empty", "The language model sent nothing that is an answer." },
        { "late", "The language model did not begin to answer within 400 ms." },
        { "stall", "The language model sent nothing for 300 ms in the middle of its answer." },
        { "slow", "The language model was not done within 900 ms." },
        { "gone", "The language model cannot be reached." },
    };

    [Theory, MemberData(nameof(Faults))]
    public async Task Whatever_goes_wrong_is_one_error_that_says_what(string what, string message)
    {
        await using var server = await ScriptedModel.StartAsync();
        using var warm = Model(server);
        server.Script = _ => ModelReply.Say("Hello.");
        await ReadAsync(warm);
        server.Script = _ => what switch
        {
            "cut" => ModelReply.Tokens("half an answer", ending: Ending.Cut),
            "silent" => ModelReply.Tokens("half an answer", ending: Ending.Silent),
            "length" => ModelReply.Tokens("half an answer", ending: Ending.Length),
            "filtered" => ModelReply.Tokens("half an answer", ending: Ending.Filtered),
            "endless" => ModelReply.Say("more and more ", Ending.Endless),
            "endless-bytes" => new([], Ending.Endless) { Raw = ": never a piece\n", ContentType = "text/event-stream" },
            "html" => new([]) { Raw = "<html>Sign in</html>", ContentType = "text/html" },
            "json" => new([]) { Raw = """{"choices":[]}""", ContentType = "application/json" },
            "garbage" => new([]) { Raw = "data: {\"choices\":[{\"delta\":\n\n" },
            "empty" => new([], Ending.Silent),
            "late" => ModelReply.Say("too late") with { First = TimeSpan.FromSeconds(30) },
            "stall" => ModelReply.Say("half an answer", Ending.Stall),
            "slow" => new([.. Enumerable.Repeat("drip ", 40)]) { Between = TimeSpan.FromMilliseconds(100) },
            _ => ModelReply.Error(int.TryParse(what, out int status) ? status : 500),
        };
        // A busy machine makes the one that drips stall, too: there is nothing but the whole time to hold it to.
        using var model = Model(server, o => (o.FirstTokenMs, o.StallMs, o.Retries, o.MaxOutputTokens) = what == "slow" ? (900, 900, 0, 64) : (400, 300, 0, 64));
        if (what == "gone") await server.DisposeAsync();
        long started = Stopwatch.GetTimestamp();
        var e = await Should.ThrowAsync<RagException>(() => ReadAsync(model, TimeSpan.FromMilliseconds(900)));
        // The endless stream of nothing is as much as is read, and that takes no longer than the first piece may.
        if (what == "endless-bytes") (e.Message == message || e.Message.StartsWith("The language model did not begin", StringComparison.Ordinal)).ShouldBeTrue(e.Message);
        else e.Message.ShouldBe(message);
        (e.Kind, e.Remedy.Length > 0).ShouldBe((ErrorKind.Unavailable, true));
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(3));
        model.Up.ShouldBeFalse();
        model.Trouble.ShouldBe(e.Message);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task What_fails_before_it_begins_is_tried_again(int status)
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = call => call.Number == 1 ? ModelReply.Error(status) : ModelReply.Say("Hello.");
        using var model = Model(server);
        string.Concat(await ReadAsync(model)).ShouldBe("Hello.");
        server.Calls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_has_begun_is_not_tried_again_and_a_refusal_neither()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Say("half", Ending.Cut);
        using var model = Model(server);
        await Should.ThrowAsync<RagException>(() => ReadAsync(model));
        server.Calls.Count.ShouldBe(1);
        server.Script = _ => ModelReply.Error(401);
        await Should.ThrowAsync<RagException>(() => ReadAsync(model));
        server.Calls.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_model_that_asks_for_more_patience_than_there_is_is_not_waited_for()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Error(429, retryAfter: "60");
        using var model = Model(server);
        long started = Stopwatch.GetTimestamp();
        await Should.ThrowAsync<RagException>(() => ReadAsync(model));
        server.Calls.Count.ShouldBe(1);
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task A_model_that_fails_again_and_again_is_left_alone_for_a_while_and_then_tried()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Error(500);
        using var model = Model(server, o => (o.Retries, o.BreakerFailures, o.BreakerSeconds) = (0, 3, 1));
        for (int i = 0; i < 3; i++) await Should.ThrowAsync<RagException>(() => ReadAsync(model));
        var e = await Should.ThrowAsync<RagException>(() => ReadAsync(model));
        e.Message.ShouldBe("The language model failed several times and is left alone for up to 1 s.");
        server.Calls.Count.ShouldBe(3);
        model.LeftAlone.ShouldBeTrue();
        server.Script = _ => ModelReply.Say("Hello.");
        await Task.Delay(1_200, Cancel);
        string.Concat(await ReadAsync(model)).ShouldBe("Hello.");
        (model.Up, model.LeftAlone).ShouldBe((true, false));
    }

    [Fact]
    public async Task More_calls_than_are_allowed_do_without_the_model_and_it_is_none_the_worse_for_it()
    {
        await using var server = await ScriptedModel.StartAsync();
        var gate = new TaskCompletionSource();
        server.Script = _ => ModelReply.Tokens("Hello there.") with { Gate = gate.Task };
        using var model = Model(server, o => o.MaxCalls = 2);
        var first = new[] { ReadAsync(model), ReadAsync(model) };
        while (server.Calls.Count < 2) await Task.Delay(10, Cancel);
        (await Should.ThrowAsync<RagException>(() => ReadAsync(model))).Message.ShouldBe("The language model has 2 calls to answer already.");
        model.Up.ShouldBeTrue();
        gate.SetResult();
        foreach (var pieces in await Task.WhenAll(first)) string.Concat(pieces).ShouldBe("Hello there.");
    }

    [Fact]
    public async Task Whoever_has_enough_ends_the_call()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Say("more ", Ending.Endless);
        using var model = Model(server);
        int pieces = 0;
        await model.RunAsync(Hello, Limit, _ => ValueTask.FromResult(++pieces < 3), Cancel);
        pieces.ShouldBe(3);
        model.Up.ShouldBeTrue();
    }

    [Fact]
    public async Task What_fails_in_whoever_reads_a_reply_is_no_fault_of_the_model()
    {
        await using var server = await ScriptedModel.StartAsync();
        server.Script = _ => ModelReply.Say("Hello.");
        using var model = Model(server, o => o.BreakerFailures = 2);
        for (int i = 0; i < 4; i++)
            (await Should.ThrowAsync<RagException>(() => model.RunAsync(Hello, Limit, _ => throw new OverflowException(), Cancel))).Message.ShouldBe("The language model's answer could not be read here.");
        (model.Up, model.LeftAlone, server.Calls.Count).ShouldBe((true, false, 4));
    }

    [Fact]
    public async Task Without_a_model_there_is_an_error_with_a_remedy()
    {
        using var model = new LanguageModel(new GenerationOptions(), TimeProvider.System, NullLogger<LanguageModel>.Instance);
        (await Should.ThrowAsync<RagException>(() => ReadAsync(model))).Remedy.ShouldBe("Set Generation:Provider to openai or ollama.");
    }

    [Theory]
    [InlineData("Provider", "claude", "Generation:Provider")]
    [InlineData("Mode", "free", "Generation:Mode")]
    [InlineData("Judge", "true", "Generation:Judge")]
    [InlineData("Endpoint", "host", "Generation:Endpoint")]
    [InlineData("Endpoint", "http://me:pw@host/v1", "Generation:Endpoint")]
    [InlineData("Model", "", "Generation:Model")]
    [InlineData("ContextTokens", "10", "Generation:ContextTokens")]
    [InlineData("MaxOutputTokens", "7000", "Generation:MaxOutputTokens")]
    [InlineData("TimeoutMs", "15000", "Generation:TimeoutMs")]
    [InlineData("Retries", "99", "Generation:Retries")]
    [InlineData("BreakerFailures", "1", "Generation:BreakerFailures")]
    [InlineData("ApiKeyFile", "/nowhere", "Generation:ApiKeyFile")]
    public void Each_mistake_in_the_section_is_named_with_its_key(string key, string value, string named)
    {
        var options = new GenerationOptions { Provider = GenerationOptions.OpenAi, Endpoint = "http://host/v1", Model = "m", QuestionTimeoutMs = 15_000 };
        options.Validate().ShouldBeEmpty();
        var property = typeof(GenerationOptions).GetProperty(key)!;
        property.SetValue(options, Convert.ChangeType(value, property.PropertyType, System.Globalization.CultureInfo.InvariantCulture));
        options.Validate().ShouldHaveSingleItem().Key.ShouldBe(named);
    }

    private static LanguageModel Model(ScriptedModel server, Action<GenerationOptions>? change = null)
    {
        var options = new GenerationOptions { Provider = GenerationOptions.OpenAi, Endpoint = server.Endpoint, Model = ScriptedModel.Name, ApiKey = "secret-key", FirstTokenMs = 8_000, StallMs = 8_000 };
        change?.Invoke(options);
        return new(options, TimeProvider.System, NullLogger<LanguageModel>.Instance);
    }

    private static async Task<List<string>> ReadAsync(LanguageModel model, TimeSpan? limit = null)
    {
        var pieces = new List<string>();
        await model.RunAsync(Hello, limit ?? Limit, piece =>
        {
            if (piece is not null) pieces.Add(piece);
            return ValueTask.FromResult(true);
        }, Cancel);
        return pieces;
    }
}
