using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Rag.Foundation;
using Rag.Inference;
using Shouldly;
using Xunit;

namespace Rag.Tests.Inference;

/// <summary>Over real HTTP against a loopback server.</summary>
public sealed class RemoteEmbeddingGeneratorTests : IAsyncLifetime
{
    private OpenAiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await OpenAiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<float[][]> EmbedAsync(InferenceOptions options, params string[] texts)
    {
        using var generator = new RemoteEmbeddingGenerator(options, TimeProvider.System);
        return [.. (await generator.GenerateAsync(texts, cancellationToken: Cancel)).Select(e => e.Vector.ToArray())];
    }

    [Fact]
    public async Task Texts_go_in_batches_and_unit_vectors_come_back_in_order()
    {
        string[] texts = [.. Enumerable.Range(1, 8).Select(n => new string('x', n))];
        var vectors = await EmbedAsync(_server.Options(), texts);
        _server.Requests.Select(r => r.Input.Length).ShouldBe([3, 3, 2]);
        _server.Requests.ShouldAllBe(r => r.Model == "test-embedding" && r.Dimensions == null && r.Authorization == "Bearer secret-key");
        for (int i = 0; i < texts.Length; i++)
        {
            float length = MathF.Sqrt((i + 1) * (i + 1) + 1);
            vectors[i][0].ShouldBe((i + 1) / length, 1e-6);
            vectors[i][1].ShouldBe(1 / length, 1e-6);
        }
    }

    [Fact]
    public async Task An_answer_in_plain_numbers_is_read_too()
    {
        _server.Instead = async (_, context) =>
        {
            await context.Response.WriteAsync("""{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0,3,0,4]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}""");
            return true;
        };
        var vectors = await EmbedAsync(_server.Options(), "a");
        vectors[0].Zip([0f, 0.6f, 0f, 0.8f]).ShouldAllBe(p => Math.Abs(p.First - p.Second) < 1e-6);
    }

    [Fact]
    public async Task The_length_is_asked_for_only_when_configured()
    {
        var options = _server.Options();
        options.RequestDimensions = true;
        await EmbedAsync(options, "a");
        _server.Requests.ShouldHaveSingleItem().Dimensions.ShouldBe(4);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_passing_failure_is_tried_again(int status)
    {
        _server.Instead = (n, context) =>
        {
            if (n > 1) return Task.FromResult(false);
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = "0";
            return Task.FromResult(true);
        };
        (await EmbedAsync(_server.Options(), "abc")).ShouldHaveSingleItem();
        _server.Requests.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData(429, 3)]
    [InlineData(500, 3)]
    [InlineData(400, 1)]
    [InlineData(401, 1)]
    public async Task A_lasting_failure_is_reported_after_bounded_tries(int status, int tries)
    {
        _server.Instead = (_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = "0";
            return Task.FromResult(true);
        };
        var e = await Should.ThrowAsync<RagException>(EmbedAsync(_server.Options(), "abc"));
        e.Kind.ShouldBe(ErrorKind.Unavailable);
        e.Message.ShouldContain($"{status}");
        e.ToString().ShouldNotContain("secret-key");
        _server.Requests.Count.ShouldBe(tries);
    }

    [Theory]
    [InlineData("this is no JSON")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"data\":null}")]
    [InlineData("{\"object\":\"list\",\"data\":[]}")]
    [InlineData("{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"!!!\"}]}")]
    [InlineData("{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[1,2]}]}")]
    [InlineData("{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0,0,0,0]}]}")]
    [InlineData("{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":{\"a\":1}}]}")]
    public async Task Nonsense_is_refused_as_such(string answer)
    {
        _server.Instead = async (_, context) =>
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(answer);
            return true;
        };
        var e = await Should.ThrowAsync<RagException>(EmbedAsync(_server.Options(), "abc"));
        e.Kind.ShouldBe(ErrorKind.Unavailable);
        e.Message.ShouldContain("sent");
    }

    [Fact]
    public async Task A_silent_endpoint_is_given_up_in_time_and_retry_after_cannot_stretch_it()
    {
        _server.Instead = async (n, context) =>
        {
            if (n == 1)
            {
                context.Response.StatusCode = 429;
                context.Response.Headers.RetryAfter = "3600";
                return true;
            }
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, CancellationToken.None);
            return true;
        };
        var watch = Stopwatch.StartNew();
        var e = await Should.ThrowAsync<RagException>(EmbedAsync(_server.Options(timeoutMs: 500), "abc"));
        e.Message.ShouldContain("did not answer within 500 ms");
        e = await Should.ThrowAsync<RagException>(EmbedAsync(_server.Options(timeoutMs: 500), "abc"));
        e.Message.ShouldContain("did not answer within 500 ms");
        watch.Elapsed.TotalSeconds.ShouldBeLessThan(10);
    }

    [Fact]
    public async Task A_caller_that_cancels_gets_its_own_cancellation()
    {
        using var source = new CancellationTokenSource();
        _server.Instead = async (_, context) =>
        {
            await source.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, CancellationToken.None);
            return true;
        };
        using var generator = new RemoteEmbeddingGenerator(_server.Options(), TimeProvider.System);
        await Should.ThrowAsync<OperationCanceledException>(generator.GenerateAsync(["abc"], cancellationToken: source.Token));
    }

    [Fact]
    public async Task An_endpoint_that_nobody_listens_at_is_unavailable()
    {
        var options = _server.Options(retries: 0);
        await _server.DisposeAsync();
        (await Should.ThrowAsync<RagException>(EmbedAsync(options, "abc"))).Message.ShouldContain("cannot be reached");
        _server = await OpenAiServer.StartAsync();
    }
}
