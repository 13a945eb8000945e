/** Settings for rendering messages. */
export const settings = {
  name: 'Postern',
  brand: { color: '#2f5bea', logo: null },
  languages: ['en', 'de', 'es', 'zh'] as ('en' | 'de' | 'es' | 'zh')[],
  mail: { from: null, templates: null as string | null },
  publicUrl: 'https://login.example.com',
};
