using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Rag.Foundation;

namespace Rag.App.Tests.Access;

/// <summary>The door itself: ambiguous requests byte by byte, headers, host names, limits, addresses.</summary>
public sealed class DoorTests(KeyedServer server) : IClassFixture<KeyedServer>
{
    private const string Inner = "GET /admin/v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Requests that two servers in a row could take apart differently (RFC 9112, sections 5, 6 and 11).</summary>
    [Theory]
    [InlineData("both lengths", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("both lengths, the other way round", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n")]
    [InlineData("two lengths", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello")]
    [InlineData("two lengths alike", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("a list of lengths", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5, 5\r\n\r\nhello")]
    [InlineData("a negative length", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("a folded header", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a blank before the colon", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("an encoding nobody knows", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("chunked not last", "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("two hosts", "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere\r\n\r\n")]
    [InlineData("no host", "GET /livez HTTP/1.1\r\n\r\n")]
    [InlineData("a bare line feed", "GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n")]
    [InlineData("a null in a header", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n")]
    public async Task What_is_ambiguous_is_refused_and_its_connection_closed(string what, string request)
    {
        string answer = await SendAsync(request + Inner);
        answer.ShouldStartWith("HTTP/1.1 400", customMessage: what);
        // What was smuggled in behind it was not looked at.
        System.Text.RegularExpressions.Regex.Count(answer, "HTTP/1.1 ").ShouldBe(1, what);
    }

    [Theory]
    [InlineData("a chunk's size that is no number", "zz\r\nhello\r\n0\r\n\r\n")]
    [InlineData("a chunk that is longer than it says", "2\r\nhello\r\n0\r\n\r\n")]
    [InlineData("a size that overflows", "ffffffffffffffffff\r\nx\r\n0\r\n\r\n")]
    public async Task Chunks_that_do_not_add_up_end_the_connection(string what, string chunks)
    {
        string key = (await server.KeyAsync("reader")).Secret;
        string answer = await SendAsync($"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{Inner}");
        answer.ShouldStartWith("HTTP/1.1 400", customMessage: what);
        System.Text.RegularExpressions.Regex.Count(answer, "HTTP/1.1 ").ShouldBe(1, what);
    }

    [Fact]
    public async Task Headers_are_bounded_in_number_and_size()
    {
        (await SendAsync($"GET /livez HTTP/1.1\r\nHost: localhost\r\n{string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: y\r\n"))}\r\n")).ShouldStartWith("HTTP/1.1 431");
        (await SendAsync($"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: {new string('y', 40_000)}\r\n\r\n")).ShouldStartWith("HTTP/1.1 431");
        (await SendAsync($"GET /{new string('y', 40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n")).ShouldStartWith("HTTP/1.1 414");
    }

    [Fact]
    public async Task A_body_past_the_bound_of_its_route_is_refused()
    {
        string key = (await server.KeyAsync("admin")).Secret;
        string answer = await SendAsync($"POST /admin/v1/access/grants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n");
        answer.ShouldStartWith("HTTP/1.1 413");
    }

    [Theory]
    [InlineData("/v1/collections", true)]
    [InlineData("/nothing", false)]
    [InlineData("/sign-in", false)]
    [InlineData("/app.css", false)]
    public async Task Every_response_keeps_browsers_from_doing_more(string path, bool withKey)
    {
        using var response = await server.Client(withKey ? (await server.KeyAsync("reader")).Secret : null).GetAsync(path, Cancel);
        response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        string policy = response.Headers.GetValues("Content-Security-Policy").Single();
        policy.ShouldContain("default-src 'none'");
        policy.ShouldContain("frame-ancestors 'none'");
        policy.ShouldNotContain("unsafe");
        if (path != "/app.css") response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        response.Headers.Contains("Server").ShouldBeFalse();
        // Over plain HTTP browsers ignore it.
        response.Headers.Contains("Strict-Transport-Security").ShouldBeFalse();
    }

    [Fact]
    public async Task A_caller_past_its_limit_gets_429_and_when_to_come_back()
    {
        var key = await server.KeyAsync("reader", perMinute: 3);
        var client = server.Client(key.Secret);
        HttpResponseMessage last = await client.GetAsync("/v1/collections", Cancel);
        for (int i = 0; i < 3; i++) last = await client.GetAsync("/v1/collections", Cancel);
        last.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        last.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 20);
        (await KeyedServer.JsonAsync(last)).GetProperty("type").GetString().ShouldBe("urn:rag-system:problem:too_many");
        (await server.Client((await server.KeyAsync("reader")).Secret).GetAsync("/v1/collections", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_days_questions_of_a_key_run_out_and_nothing_else_does()
    {
        var client = server.Client((await server.KeyAsync("reader", questionsPerDay: 2)).Secret);
        for (int i = 0; i < 2; i++) (await SearchAsync()).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var refused = await SearchAsync();
        refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 86_401);
        (await client.GetAsync("/v1/collections", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);

        Task<HttpResponseMessage> SearchAsync() => client.PostAsync("/v1/search", new StringContent("{\"query\":\"words\"}", Encoding.UTF8, "application/json"), Cancel);
    }

    [Fact]
    public async Task Open_mode_serves_loopback_only_however_the_address_is_given()
    {
        string data = Directory.CreateTempSubdirectory("rag-doors-").FullName;
        try
        {
            await using var app = RagServer.Build([new("Storage:DataDirectory", Path.Combine(data, "one")), new("Inference:Provider", "none"), new("Kestrel:Endpoints:Other:Url", "http://0.0.0.0:18999")], Microsoft.Extensions.Logging.LogLevel.Critical);
            Should.Throw<RagException>(() => Doors.Check(app, ["http://127.0.0.1:18998"])).Message.ShouldContain("0.0.0.0");
            await using var keyed = RagServer.Build([new("Storage:DataDirectory", Path.Combine(data, "two")), new("Inference:Provider", "none"), new("Access:Mode", "keys")], Microsoft.Extensions.Logging.LogLevel.Critical);
            Doors.Check(keyed, ["http://0.0.0.0:18998"]);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>Sends bytes as they are, and reads until the server closes or says nothing more.</summary>
    private async Task<string> SendAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Address.Port, Cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancel);
        var answer = new StringBuilder();
        byte[] buffer = new byte[16_384];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            int read;
            while ((read = await stream.ReadAsync(buffer, limit.Token)) > 0) answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // A connection that is kept open says nothing more.
        }
        return answer.ToString();
    }
}
