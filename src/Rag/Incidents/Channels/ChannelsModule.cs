using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Incidents.Channels;

internal static class ChannelsModule
{
    public static IServiceCollection AddChannels(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<ContactOptions>(sections);
        services.AddSingleton<HttpSender>();
        services.AddSingleton<INotificationChannel, EmailChannel>();
        services.AddSingleton<INotificationChannel, WebhookChannel>();
        services.AddSingleton<INotificationChannel, PagerDutyChannel>();
        services.AddSingleton<INotificationChannel, SlackChannel>();
        return services;
    }
}
