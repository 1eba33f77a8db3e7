using System.CommandLine;
using ModelContextProtocol.Client;
using ModelContextProtocol.Server;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Protocols;

internal static class McpCommands
{
    public static void AddMcp(this RootCommand root, CommandContext context)
    {
        var mcp = new Command("mcp", "Serve the Model Context Protocol on standard input and output, for programs that start their tools themselves.");
        context.Bind(mcp, async (_, api, ct) =>
        {
            await BridgeAsync(api.Http, ct);
            return 0;
        });
        root.Add(mcp);
    }

    /// <summary>Hands on what comes in to the server's <c>/mcp</c>, where the tools are, until the input ends.</summary>
    private static async Task BridgeAsync(HttpClient http, CancellationToken ct)
    {
        var transport = new HttpClientTransport(new() { Endpoint = new(http.BaseAddress!, "/mcp"), TransportMode = HttpTransportMode.StreamableHttp, Name = "rag-system" }, http, null, false);
        try
        {
            await using var there = await McpClient.CreateAsync(transport, cancellationToken: ct);
            var options = new McpServerOptions
            {
                ServerInfo = there.ServerInfo,
                ServerInstructions = there.ServerInstructions,
                Handlers = new()
                {
                    ListToolsHandler = async (request, token) => await there.ListToolsAsync(request.Params ?? new(), token),
                    CallToolHandler = async (request, token) => await there.CallToolAsync(request.Params!, token),
                },
            };
            await using var server = McpServer.Create(new StdioServerTransport(options), options);
            await server.RunAsync(ct);
        }
        catch (HttpRequestException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"The server's /mcp does not answer: {e.Message}", "Check --server and --key; 'rag status' shows whether the server is well.", e);
        }
    }
}
