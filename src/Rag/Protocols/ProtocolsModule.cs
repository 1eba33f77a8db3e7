using Microsoft.Extensions.DependencyInjection;

namespace Rag.Protocols;

internal static class ProtocolsModule
{
    public static IServiceCollection AddProtocols(this IServiceCollection services)
    {
        services.AddSingleton<ChatCompletions>();
        services.AddSingleton<EmbeddingDoor>();
        return services;
    }
}
