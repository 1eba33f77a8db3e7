using System.Reflection;

namespace Rag.Foundation;

/// <summary>This release.</summary>
internal static class Product
{
    /// <summary>Such as <c>1.2.0</c>.</summary>
    public static string Version { get; } = typeof(Product).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
}
