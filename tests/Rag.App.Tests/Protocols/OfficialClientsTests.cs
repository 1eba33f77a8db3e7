using System.ClientModel;
using System.Text.Json;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using OpenAI;
using OpenAI.Chat;
using Rag.App.Tests.Http;
using Rag.Testing;

namespace Rag.App.Tests.Protocols;

/// <summary>Programs that know OpenAI's interface or the Model Context Protocol ask without a change.</summary>
public sealed class OfficialClientsTests(HttpServer server) : IClassFixture<HttpServer>
{
    private const string Sentence = "Herons stand in shallow water.";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_clients_from_npm_list_ask_stream_and_are_told_what_is_wrong()
    {
        Assert.SkipUnless(NpmFolder.IsInstalled, "Node or npm is not installed");
        await server.PutAsync("birds", ("heron.txt", Sentence + " They wait for fish. 😀 Größe: 90 cm."), ("owl.txt", "Owls hunt at night."));
        var r = await OfficialClients.CallAsync(server.Http.BaseAddress!, "birds", null, Cancel);
        r.GetProperty("models").EnumerateArray().Select(m => m.GetString()).ShouldContain("birds");
        r.GetProperty("model").GetString().ShouldBe("birds");
        string content = r.GetProperty("content").GetString()!;
        content.ShouldStartWith(Sentence + " [1]");
        r.GetProperty("finish").GetString().ShouldBe("stop");
        var citation = r.GetProperty("citations")[0];
        citation.GetProperty("type").GetString().ShouldBe("url_citation");
        citation.GetProperty("text").GetString().ShouldBe(Sentence);
        citation.GetProperty("url").GetString()!.ShouldStartWith(server.Http.BaseAddress + "documents/birds/");
        (await server.Http.GetAsync(citation.GetProperty("url").GetString(), Cancel)).IsSuccessStatusCode.ShouldBeTrue();
        r.GetProperty("usage").GetProperty("total_tokens").GetInt32().ShouldBeGreaterThan(r.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        r.GetProperty("streamed").GetString().ShouldBe(content);
        r.GetProperty("helper").GetString().ShouldBe(content);
        r.GetProperty("streamedFinish").GetString().ShouldBe("stop");
        r.GetProperty("streamedUsage").GetRawText().ShouldBe(r.GetProperty("usage").GetRawText());
        // This server has no embedding model, and says so as the interface does.
        (r.GetProperty("embeddingError").GetProperty("status").GetInt32(), r.GetProperty("embeddingError").GetProperty("type").GetString()).ShouldBe((503, "server_error"));
        r.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("status").GetInt32()).ShouldBe([404, 400, 400, 400, 400, 413]);
        r.GetProperty("errors").EnumerateArray().ShouldAllBe(e => e.GetProperty("type").GetString() == "invalid_request_error" && e.GetProperty("message").GetString()!.Length > 20);

        r.GetProperty("tools").EnumerateArray().Select(t => t.GetString()).ShouldBe(["ask", "fetch", "search"]);
        var found = r.GetProperty("found")[0];
        found.GetProperty("title").GetString().ShouldNotBeNullOrEmpty();
        found.GetProperty("text").GetString()!.ShouldContain("Herons");
        var fetched = r.GetProperty("fetched");
        fetched.GetProperty("id").GetString().ShouldBe(found.GetProperty("id").GetString());
        fetched.GetProperty("text").GetString()!.ShouldContain("They wait for fish.");
        fetched.GetProperty("url").GetString().ShouldBe(found.GetProperty("url").GetString());
        fetched.GetProperty("metadata").GetProperty("collection").GetString().ShouldBe("birds");
        r.GetProperty("asked").GetProperty("outcome").GetString().ShouldBe("answered");
        r.GetProperty("asked").GetProperty("text").GetString()!.ShouldStartWith(Sentence + " [1]");
        r.GetProperty("failed").GetProperty("isError").GetBoolean().ShouldBeTrue();
        r.GetProperty("failed").GetProperty("text").GetString()!.ShouldContain("'nonsense' is not an id");
    }

    [Fact]
    public async Task The_client_for_dotnet_asks_and_streams()
    {
        await server.PutAsync("dotnet", ("heron.txt", Sentence));
        var chat = new OpenAIClient(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new(server.Http.BaseAddress!, "/v1") }).GetChatClient("dotnet");
        var completion = (await chat.CompleteChatAsync([new UserChatMessage("Where do herons stand?")], cancellationToken: Cancel)).Value;
        completion.Content[0].Text.ShouldBe(Sentence + " [1]");
        completion.FinishReason.ShouldBe(ChatFinishReason.Stop);
        completion.Usage.OutputTokenCount.ShouldBeGreaterThan(0);
#pragma warning disable OPENAI001 // The client's own name for it may change; the interface's does not.
        completion.Annotations[0].WebResourceUri.AbsolutePath.ShouldStartWith("/documents/dotnet/");
#pragma warning restore OPENAI001
        string streamed = "";
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage("Where do herons stand?")], cancellationToken: Cancel))
            streamed += string.Concat(update.ContentUpdate.Select(c => c.Text));
        streamed.ShouldBe(completion.Content[0].Text);
        (await Should.ThrowAsync<ClientResultException>(() => chat.CompleteChatAsync([new UserChatMessage(" ")], cancellationToken: Cancel))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task The_client_of_the_protocol_searches_fetches_and_asks()
    {
        await server.PutAsync("tools", ("heron.txt", Sentence));
        await using var client = await McpClient.CreateAsync(new HttpClientTransport(new() { Endpoint = new(server.Http.BaseAddress!, "/mcp"), TransportMode = HttpTransportMode.StreamableHttp }), cancellationToken: Cancel);
        client.ServerInfo!.Name.ShouldBe("rag-system");
        client.ServerInstructions.ShouldNotBeNullOrEmpty();
        await CallAsync(client, "tools");
    }

    [Fact]
    public async Task The_command_serves_the_protocol_on_standard_input_and_output()
    {
        await server.PutAsync("stdio", ("heron.txt", Sentence));
        var transport = new StdioClientTransport(new() { Command = Path.Combine(AppContext.BaseDirectory, "rag"), Arguments = ["mcp", "--server", server.Http.BaseAddress!.ToString()], Name = "rag" });
        await using var client = await McpClient.CreateAsync(transport, cancellationToken: Cancel);
        client.ServerInfo!.Name.ShouldBe("rag-system");
        await CallAsync(client, "stdio");
    }

    [Fact]
    public async Task The_command_opens_the_data_directory_itself_where_no_server_is_named()
    {
        string data = Directory.CreateTempSubdirectory("rag-mcp-").FullName;
        try
        {
            var transport = new StdioClientTransport(new() { Command = Path.Combine(AppContext.BaseDirectory, "rag"), Arguments = ["mcp", "--data", data, "--set", "Inference:Provider=none"], Name = "rag" });
            await using var client = await McpClient.CreateAsync(transport, cancellationToken: Cancel);
            var asked = await client.CallToolAsync("ask", new Dictionary<string, object?> { ["question"] = "Where do herons stand?" }, cancellationToken: Cancel);
            asked.StructuredContent!.Value.GetProperty("outcome").GetString().ShouldBe("abstained");
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task CallAsync(McpClient client, string collection)
    {
        (await client.ListToolsAsync(cancellationToken: Cancel)).Select(t => t.Name).Order().ShouldBe(["ask", "fetch", "search"]);
        var found = await client.CallToolAsync("search", new Dictionary<string, object?> { ["query"] = "herons in shallow water", ["collection"] = collection }, cancellationToken: Cancel);
        var first = found.StructuredContent!.Value.GetProperty("results")[0];
        JsonElement.DeepEquals(JsonDocument.Parse(((TextContentBlock)found.Content[0]).Text).RootElement, found.StructuredContent.Value).ShouldBeTrue();
        var fetched = await client.CallToolAsync("fetch", new Dictionary<string, object?> { ["id"] = first.GetProperty("id").GetString() }, cancellationToken: Cancel);
        fetched.StructuredContent!.Value.GetProperty("text").GetString()!.ShouldContain(Sentence);
        var asked = await client.CallToolAsync("ask", new Dictionary<string, object?> { ["question"] = "Where do herons stand?", ["collection"] = collection }, cancellationToken: Cancel);
        asked.StructuredContent!.Value.GetProperty("sources")[0].GetProperty("quote").GetString().ShouldBe(Sentence);
        var failed = await client.CallToolAsync("ask", new Dictionary<string, object?> { ["question"] = "" }, cancellationToken: Cancel);
        (failed.IsError, ((TextContentBlock)failed.Content[0]).Text).ShouldBe((true, "The question is empty. Ask something, such as: How do I restore a backup?"));
    }
}
