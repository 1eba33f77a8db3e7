using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Protocols;

internal static class McpModule
{
    public static IServiceCollection AddMcp(this IServiceCollection services)
    {
        var json = new JsonSerializerOptions(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
        foreach (var resolver in new IJsonTypeInfoResolver[] { McpJson.Default, new DefaultJsonTypeInfoResolver() }) json.TypeInfoResolverChain.Add(resolver);
        services.AddHttpContextAccessor();
        services.AddMcpServer(mcp =>
            {
                mcp.ServerInfo = new() { Name = "rag-system", Title = "rag-system", Version = Product.Version };
                mcp.ServerInstructions = McpTools.Instructions;
            })
            // Each request stands alone, so that any replica takes it, and is its caller's.
            .WithHttpTransport(http => http.Stateless = true)
            .WithTools<McpTools>(json);
        return services;
    }
}
